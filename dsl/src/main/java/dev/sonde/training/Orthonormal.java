package dev.sonde.training;

/** Makes the columns of a matrix orthonormal (modified Gram-Schmidt, twice: Björck 1994, section 6). */
final class Orthonormal {
    private Orthonormal() {}

    /** Changes a row-major matrix, in which no column may lie in the span of those before. */
    static void make(float[] matrix, int rows, int columns) {
        double[][] q = new double[columns][rows];
        for (int c = 0; c < columns; c++) {
            for (int r = 0; r < rows; r++) {
                q[c][r] = matrix[r * columns + c];
            }
            for (int pass = 0; pass < 2; pass++) {
                for (int before = 0; before < c; before++) {
                    add(q[c], -dot(q[c], q[before]), q[before]);
                }
                scale(q[c], 1 / Math.sqrt(dot(q[c], q[c])));
            }
            for (int r = 0; r < rows; r++) {
                matrix[r * columns + c] = (float) q[c][r];
            }
        }
    }

    /**
     * Takes from a gradient what would only bend orthonormal columns: {@code G - Q sym(Q^T G)}, its part along the manifold (Absil,
     * Mahony and Sepulchre 2008, section 3.6.1). An optimiser's moments then hold directions in which the columns can go.
     */
    static void project(float[] gradient, float[] matrix, int rows, int columns) {
        double[][] bend = new double[columns][columns];
        for (int i = 0; i < columns; i++) {
            for (int j = 0; j < columns; j++) {
                for (int r = 0; r < rows; r++) {
                    bend[i][j] += 0.5
                            * ((double) matrix[r * columns + i] * gradient[r * columns + j]
                                    + (double) matrix[r * columns + j] * gradient[r * columns + i]);
                }
            }
        }
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < columns; j++) {
                double along = gradient[r * columns + j];
                for (int i = 0; i < columns; i++) {
                    along -= matrix[r * columns + i] * bend[i][j];
                }
                gradient[r * columns + j] = (float) along;
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static void add(double[] to, double factor, double[] what) {
        for (int i = 0; i < to.length; i++) {
            to[i] += factor * what[i];
        }
    }

    private static void scale(double[] vector, double factor) {
        for (int i = 0; i < vector.length; i++) {
            vector[i] *= factor;
        }
    }
}
