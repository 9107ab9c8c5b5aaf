package specs_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// mostMemory bounds a forward pass of a network at full size.
const mostMemory = 8 << 30

// TestLongForward calls every entry of every network at full size once, each network
// in a process of its own: the outputs are finite and differ from one another, within
// the memory of a plain machine.
func TestLongForward(t *testing.T) {
	refdata.Long(t)
	dir := t.TempDir()
	main, err := os.ReadFile("testdata/forward.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		t.Run(s.name, func(t *testing.T) {
			dir := filepath.Join(dir, s.name)
			for _, f := range generate(t, s.file(), nil, s.name) {
				write(t, filepath.Join(dir, s.name, f.Name), f.Data)
			}
			write(t, filepath.Join(dir, "main.go"), main)
			write(t, filepath.Join(dir, "models.go"), []byte(fmt.Sprintf("package main\n\nimport (\n\tmlrt \"github.com/mlc-go/mlc/runtime\"\n\n\t\"small/%[1]s\"\n)\n\nvar models = map[string]func() *mlrt.Generated{%[1]q: %[1]s.Generated}\n", s.name)))
			goBuild(t, dir, "forward")
			cmd := exec.Command(filepath.Join(dir, "forward"), s.name)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
			t.Logf("%d MiB at most, in %v\n%s", used>>20, cmd.ProcessState.UserTime(), out)
			if used > mostMemory {
				t.Errorf("%d MiB of memory, want at most %d", used>>20, mostMemory>>20)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			for _, line := range lines {
				shape := line[strings.IndexByte(line, '['):]
				_, numbers, _ := strings.Cut(shape, "] ")
				var mean, spread float64
				if _, err := fmt.Sscan(numbers, &mean, &spread); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				single := !strings.Contains(shape[:strings.IndexByte(shape, ']')], " ") || strings.HasPrefix(shape, "[1 1]")
				if math.IsNaN(mean+spread) || math.IsInf(mean+spread, 0) || spread == 0 && !single {
					t.Errorf("%s", line)
				}
			}
		})
	}
}
