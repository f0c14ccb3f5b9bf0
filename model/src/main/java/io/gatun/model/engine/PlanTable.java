package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cublaslt.MatmulPlan;

/** Plans by kind and shape, made when first asked for. Finding one allocates nothing. */
final class PlanTable {
    private final CublasLt library;
    private Kind[] kinds = new Kind[64];
    private MatmulPlan[] plans = new MatmulPlan[64]; // beside its kind, at the first free place after its hash
    private int size;

    PlanTable(CublasLt library) {
        this.library = library;
    }

    MatmulPlan get(Kind kind, long m, long n, long k) {
        int at = place(kinds, plans, kind, m, n, k);
        if (plans[at] != null) return plans[at];
        MatmulPlan plan = new MatmulPlan(library, kind.product(m, n, k));
        if (2 * ++size > plans.length) {
            grow();
            at = place(kinds, plans, kind, m, n, k);
        }
        kinds[at] = kind;
        plans[at] = plan;
        return plan;
    }

    private void grow() {
        Kind[] moreKinds = new Kind[2 * plans.length];
        MatmulPlan[] morePlans = new MatmulPlan[2 * plans.length];
        for (int i = 0; i < plans.length; i++) {
            if (plans[i] == null) continue;
            MatmulPlan.Product product = plans[i].product();
            int at = place(moreKinds, morePlans, kinds[i], product.m(), product.n(), product.k());
            moreKinds[at] = kinds[i];
            morePlans[at] = plans[i];
        }
        kinds = moreKinds;
        plans = morePlans;
    }

    /** Where the plan is, or would be. */
    private static int place(Kind[] kinds, MatmulPlan[] plans, Kind kind, long m, long n, long k) {
        long mixed = ((31 * m + n) * 31 + k) * 31 + kind.ordinal();
        int at = (int) (mixed * 0x9e3779b97f4a7c15L >>> 40) & plans.length - 1;
        while (plans[at] != null) {
            MatmulPlan.Product product = plans[at].product();
            if (kinds[at] == kind && product.m() == m && product.n() == n && product.k() == k) break;
            at = at + 1 & plans.length - 1;
        }
        return at;
    }
}
