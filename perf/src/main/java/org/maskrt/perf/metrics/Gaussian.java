package org.maskrt.perf.metrics;

import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_MT_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The normal distribution that stands for a set of features: its mean [D] and its covariance [D,D], symmetric. */
public final class Gaussian {
    /** The most features whose covariance is taken: it has half a GiB then. */
    static final int MAX_WIDTH = 8192;

    private final double[] mean;
    private final double[] covariance;

    /**
     * The arrays are not copied.
     *
     * @throws IllegalArgumentException if the lengths do not fit
     */
    public Gaussian(double[] mean, double[] covariance) {
        if (mean.length == 0 || covariance.length != (long) mean.length * mean.length) {
            throw new IllegalArgumentException(
                    "a mean of " + mean.length + " needs a covariance of its square, got " + covariance.length);
        }
        this.mean = mean;
        this.covariance = covariance;
    }

    /** D, the number of features. */
    public int width() {
        return mean.length;
    }

    /** [D], not copied. */
    public double[] mean() {
        return mean;
    }

    /** [D,D], not copied. */
    public double[] covariance() {
        return covariance;
    }

    /**
     * The Fréchet distance, |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982; equation 6 of Heusel et al., 2017).
     *
     * <p>With S1 = A A^T the product S1 S2 has the eigenvalues of A^T S2 A, which is symmetric: their square roots are real and make up the
     * trace, also where a covariance is singular.
     *
     * @throws IllegalArgumentException if the widths differ
     * @throws MaskRtException (NOT_FINITE) if the eigenvalues are not found, as where a covariance is not finite
     */
    public double distance(Gaussian other) {
        if (width() != other.width()) {
            throw new IllegalArgumentException("widths differ: " + width() + " and " + other.width());
        }
        double sum = 0;
        int d = width();
        for (int i = 0; i < d; i++) {
            double difference = mean[i] - other.mean[i];
            sum += difference * difference + covariance[i * d + i] + other.covariance[i * d + i];
        }
        DMatrixRMaj root = root();
        DMatrixRMaj half = new DMatrixRMaj(root.numRows, d);
        CommonOps_MT_DDRM.mult(root, DMatrixRMaj.wrap(d, d, other.covariance), half);
        DMatrixRMaj product = new DMatrixRMaj(root.numRows, root.numRows);
        CommonOps_MT_DDRM.multTransB(half, root, product);
        EigenDecomposition_F64<DMatrixRMaj> eigen = eigen(product, false);
        for (int i = 0; i < eigen.getNumberOfEigenvalues(); i++) {
            // rounding makes small ones negative
            sum -= 2 * Math.sqrt(Math.max(0, eigen.getEigenvalue(i).getReal()));
        }
        return sum;
    }

    /** A^T [r,D] with covariance = A A^T, r its rank. */
    private DMatrixRMaj root() {
        int d = width();
        EigenDecomposition_F64<DMatrixRMaj> eigen = eigen(DMatrixRMaj.wrap(d, d, covariance.clone()), true);
        DMatrixRMaj root = new DMatrixRMaj(d, d);
        int rank = 0;
        for (int i = 0; i < d; i++) {
            double value = eigen.getEigenvalue(i).getReal();
            DMatrixRMaj vector = eigen.getEigenVector(i);
            if (value > 0 && vector != null) {
                double scale = Math.sqrt(value);
                for (int k = 0; k < d; k++) {
                    root.data[rank * d + k] = scale * vector.data[k];
                }
                rank++;
            }
        }
        root.numRows = rank;
        return root;
    }

    private static EigenDecomposition_F64<DMatrixRMaj> eigen(DMatrixRMaj symmetric, boolean vectors) {
        if (symmetric.numRows == 0) {
            symmetric = new DMatrixRMaj(1, 1);
        }
        EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(symmetric.numRows, vectors, true);
        if (!eigen.decompose(symmetric)) {
            throw new MaskRtException(
                    ExitCode.NOT_FINITE,
                    "Fréchet distance: expected covariances with eigenvalues, none were found; look for NaN or infinity"
                            + " among the features");
        }
        return eigen;
    }
}
