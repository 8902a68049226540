package dev.sonde.chat;

/**
 * What a name stands for that nothing was given to: it prints nothing and is false.
 *
 * @param name for messages
 */
record Undefined(String name) {}
