package train

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// peakGflops measures this machine's rate of fused multiply-adds of float32 on
// the given number of threads, in 10^9 operations a second: the best of a few
// short runs, since what else the machine does can only slow it.
func peakGflops(threads int) float64 {
	const rounds = 2_000_000 // some 5 ms
	best := 0.0
	for range 8 {
		var wg sync.WaitGroup
		begin := time.Now()
		flops := make([]float64, threads)
		for i := range threads {
			wg.Add(1)
			go func() {
				defer wg.Done()
				flops[i] = rounds * fmaRounds(rounds)
			}()
		}
		wg.Wait()
		seconds := time.Since(begin).Seconds()
		sum := 0.0
		for _, f := range flops {
			sum += f
		}
		best = max(best, sum/seconds/1e9)
	}
	return best
}

// scalarSink keeps the loop below from being removed.
var scalarSink struct {
	sync.Mutex
	v float32
}

// scalarRounds runs n rounds of 8 independent multiply-adds in plain Go.
func scalarRounds(n int) float64 {
	var a, b, c, d, e, f, g, h float32
	x, y := float32(0.5), float32(0.25)
	for range n {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
		e, f, g, h = e*x+y, f*x+y, g*x+y, h*x+y
	}
	scalarSink.Lock()
	scalarSink.v = a + b + c + d + e + f + g + h
	scalarSink.Unlock()
	return 16
}

// peakMemory returns the largest resident memory of this process so far in
// bytes, as Linux tells it, and 0 elsewhere.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}
