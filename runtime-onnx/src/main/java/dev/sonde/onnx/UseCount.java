package dev.sonde.onnx;

import dev.sonde.SondeException;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/** Lets any number of threads use a model, and ends its life only when none does. */
final class UseCount {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final String model;
    private boolean closed;

    UseCount(String model) {
        this.model = model;
    }

    /** Does some work, during which the model stays open. */
    <T> T use(Supplier<T> work) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new SondeException("model-closed", "Model '" + model + "' is closed");
            }
            return work.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Waits for work under way, then ends; a second call does nothing. */
    void end(Runnable close) {
        if (lock.getReadHoldCount() > 0) { // it would wait for itself
            throw new SondeException(
                    "model-in-use",
                    "Model '" + model + "' cannot be closed from within its own run: expected close() after it");
        }
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                close.run();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
