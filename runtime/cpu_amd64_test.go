//go:build !purego

package mlrt

import (
	"os"
	"strings"
	"testing"
)

// TestDetect runs the decision on described processors.
func TestDetect(t *testing.T) {
	const all1, all7 = 1<<12 | 1<<27 | 1<<28, 1<<5 | 1<<16 | 1<<17 | 1<<30 | 1<<31
	for _, c := range []struct {
		name           string
		top, one, sevn uint32
		kept           uint32
		avx2, avx512   bool
	}{
		{"everything", 13, all1, all7, 0xe7, true, true},
		{"no leaf 7", 4, all1, all7, 0xe7, false, false},
		{"no FMA", 13, all1 &^ (1 << 12), all7, 0xe7, false, false},
		{"no OSXSAVE", 13, all1 &^ (1 << 27), all7, 0xe7, false, false},
		{"AVX2 only", 13, all1, 1 << 5, 7, true, false},
		{"no VL", 13, all1, all7 &^ (1 << 31), 0xe7, true, false},
		{"system keeps no wide registers", 13, all1, all7, 7, true, false},
		{"system keeps no AVX registers", 13, all1, all7, 3, false, false},
	} {
		cpuid := func(leaf, _ uint32) (eax, ebx, ecx, edx uint32) {
			switch leaf {
			case 0:
				return c.top, 0, 0, 0
			case 1:
				return 0, 0, c.one, 0
			}
			return 0, c.sevn, 0, 0
		}
		xgetbv := func() uint32 {
			if c.one&(1<<27) == 0 {
				t.Errorf("%s: XGETBV without OSXSAVE faults", c.name)
			}
			return c.kept
		}
		if a, b := detect(cpuid, xgetbv); a != c.avx2 || b != c.avx512 {
			t.Errorf("%s: AVX2 %v, AVX-512 %v", c.name, a, b)
		}
	}
}

// TestDetectHere compares with the kernel's own list on Linux.
func TestDetectHere(t *testing.T) {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo")
	}
	_, flags, found := strings.Cut(string(raw), "\nflags")
	if !found {
		t.Skip("no flags in /proc/cpuinfo")
	}
	flags, _, _ = strings.Cut(flags, "\n")
	has := func(names ...string) bool {
		ok := true
		for _, n := range names {
			ok = ok && strings.Contains(flags+" ", " "+n+" ")
		}
		return ok
	}
	if want := has("avx2", "fma"); HasAVX2 != want {
		t.Errorf("HasAVX2 = %v, kernel says %v", HasAVX2, want)
	}
	if want := has("avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"); HasAVX512 != want {
		t.Errorf("HasAVX512 = %v, kernel says %v", HasAVX512, want)
	}
}
