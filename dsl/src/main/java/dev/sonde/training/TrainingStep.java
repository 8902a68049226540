package dev.sonde.training;

/**
 * One step of a training.
 *
 * @param step its number, counted from 0
 * @param epoch how many times all rows had been seen before
 * @param loss mean of the batch, before the step
 * @param learningRate as the schedule left it
 * @param gradientNorm Euclidean norm of all gradients together, before clipping
 */
public record TrainingStep(long step, long epoch, double loss, double learningRate, double gradientNorm) {}
