// Stands in for libnvrtc.so.13 where there is none: compiles kernels with g++ for the CPU, together with cuda_on_cpu.h. The "cubin" is a
// shared object that the stand-in for the driver loads; for each kernel NAME it has NAME__run and NAME__sizes. COMPILER is the command
// with the folder of the header.
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <unistd.h>

enum { SUCCESS = 0, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6, INTERNAL_ERROR = 11 };

namespace {

struct Program {
    std::string source, name, log, cubin;
};

std::set<void*> programs;

/// The names after each __global__, which has "void" and perhaps launch bounds behind it.
std::set<std::string> kernels(const std::string& source) {
    std::set<std::string> names;
    const std::string mark = "__global__";
    for (size_t at = source.find(mark); at != std::string::npos; at = source.find(mark, at)) {
        at += mark.size();
        while (at < source.size()) {
            while (at < source.size() && !isalpha(source[at]) && source[at] != '_') at++;
            size_t from = at;
            while (at < source.size() && (isalnum(source[at]) || source[at] == '_')) at++;
            std::string word = source.substr(from, at - from);
            size_t next = source.find_first_not_of(" \n\t", at);
            if (word == "__launch_bounds__") {
                at = source.find(')', at);
            } else if (next != std::string::npos && source[next] == '(') {
                names.insert(word);
                break;
            }
        }
    }
    return names;
}

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string withLaunchers(const Program& program) {
    std::string text = "#include \"cuda_on_cpu.h\"\n#include <cstdio>\n#include <exception>\n#line 1 \"" + program.name + "\"\n"
            + program.source
            + "\n#line 1 \"launchers\"\n"
              "namespace { template <class... A> struct Sizes { const int of[sizeof...(A) + 1] = {int(sizeof(A))..., 0}; };\n"
              "template <class... A> constexpr Sizes<A...> sizes(void (*)(A...)) { return {}; } }\n";
    for (auto& name : kernels(program.source)) {
        text += "extern \"C\" { extern const decltype(sizes(" + name + ")) " + name + "__sizes; const decltype(sizes(" + name + ")) "
                + name + "__sizes{};\n"
                + "int " + name + "__run(const unsigned* g, const unsigned* b, size_t shared, void** parameters) {\n"
                + "    try { run(dim3(g[0], g[1], g[2]), dim3(b[0], b[1], b[2]), shared, [=] { invoke(" + name
                + ", parameters); }); return 0; }\n"
                + "    catch (const std::exception& e) { fprintf(stderr, \"stand-in: kernel " + name
                + ": %s\\n\", e.what()); return 1; } } }\n";
    }
    return text;
}

} // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
    *major = 13;
    *minor = 0;
    return SUCCESS;
}

const char* nvrtcGetErrorString(int result) {
    switch (result) {
        case SUCCESS: return "NVRTC_SUCCESS";
        case INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
        case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
        case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
        case COMPILATION: return "NVRTC_ERROR_COMPILATION";
        case INTERNAL_ERROR: return "NVRTC_ERROR_INTERNAL_ERROR";
        default: return "NVRTC_ERROR unknown";
    }
}

int nvrtcCreateProgram(
        void** program, const char* source, const char* name, int headers, const char* const* sources, const char* const* names) {
    if (headers != 0 || sources != nullptr || names != nullptr) return INVALID_INPUT;
    *program = new Program{source, name, "", ""};
    programs.insert(*program);
    return SUCCESS;
}

int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    if (programs.count(handle) == 0) return INVALID_PROGRAM;
    auto program = static_cast<Program*>(handle);
    bool machineCode = false;
    for (int i = 0; i < count; i++) {
        if (strncmp(options[i], "-", 1) != 0) return INVALID_OPTION;
        if (strncmp(options[i], "--gpu-architecture=sm_", 22) == 0) machineCode = true;
    }
    char folder[] = "/tmp/gatun-nvrtc-XXXXXX";
    if (mkdtemp(folder) == nullptr) return INTERNAL_ERROR;
    std::string base = std::string(folder) + "/kernels";
    std::ofstream(base + ".cpp") << withLaunchers(*program);
    std::string command = COMPILER " -o " + base + ".so " + base + ".cpp >" + base + ".log 2>&1";
    bool compiled = system(command.c_str()) == 0;
    program->log = read(base + ".log");
    if (compiled && machineCode) program->cubin = read(base + ".so");
    for (auto end : {".cpp", ".so", ".log"}) unlink((base + end).c_str());
    rmdir(folder);
    return compiled ? SUCCESS : COMPILATION;
}

int nvrtcGetProgramLogSize(void* handle, size_t* bytes) {
    if (programs.count(handle) == 0) return INVALID_PROGRAM;
    *bytes = static_cast<Program*>(handle)->log.size() + 1;
    return SUCCESS;
}

int nvrtcGetProgramLog(void* handle, char* log) {
    if (programs.count(handle) == 0) return INVALID_PROGRAM;
    strcpy(log, static_cast<Program*>(handle)->log.c_str());
    return SUCCESS;
}

int nvrtcGetCUBINSize(void* handle, size_t* bytes) {
    if (programs.count(handle) == 0) return INVALID_PROGRAM;
    *bytes = static_cast<Program*>(handle)->cubin.size();
    return SUCCESS;
}

int nvrtcGetCUBIN(void* handle, char* cubin) {
    if (programs.count(handle) == 0) return INVALID_PROGRAM;
    auto& bytes = static_cast<Program*>(handle)->cubin;
    memcpy(cubin, bytes.data(), bytes.size());
    return SUCCESS;
}

int nvrtcDestroyProgram(void** handle) {
    if (programs.erase(*handle) == 0) return INVALID_PROGRAM;
    delete static_cast<Program*>(*handle);
    *handle = nullptr;
    return SUCCESS;
}

} // extern "C"
