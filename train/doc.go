// Package train is the loop around a model's training step: epochs, batches,
// shuffling, evaluation, events, checkpoints and resuming. The command mlc and
// Go programs share it.
//
// It reaches models only through mlrt.Trainer and mlrt.Model, and imports the
// standard library, the runtime and package data, because the programs that
// `mlc train` builds link it without a network.
//
// Invariant: a run that was interrupted and resumed leaves the bits that an
// uninterrupted run leaves, at any number of threads. The order of samples is
// therefore a function of seed and epoch alone, and a checkpoint holds all that
// the next step depends on.
package train
