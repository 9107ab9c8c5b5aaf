package mlrt

import "sync/atomic"

// Pause keeps the state of a call of assembly that has paused: the collector cannot
// interrupt such a call and would wait for it. The generated code knows its layout.
type Pause struct {
	place uint64           // where the call goes on; 0 when it has ended
	ticks int64            // of the processor's time stamp, that a call may take before it pauses
	_     [16384 - 16]byte // registers and the frame
}

var pauses spares[Pause]

// pauseTicks are some 20 µs: few enough that the collector does not wait, enough that
// keeping a state does not count.
var pauseTicks atomic.Int64

func init() { pauseTicks.Store(50_000) }

// PauseAfter sets for all kernels of the process how many ticks of the processor's time
// stamp a call of assembly may take before it pauses at the next place that it has.
// It serves tests.
func PauseAfter(ticks int64) { pauseTicks.Store(ticks) }
