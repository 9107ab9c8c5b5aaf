package mlp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestSameBitsOnArm64 trains for a few steps on this machine and, under
// qemu-user, on arm64, where Go has a fused multiply-add of its own, and
// compares the weights bit for bit.
func TestSameBitsOnArm64(t *testing.T) {
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		if qemu, err = exec.LookPath("qemu-aarch64"); err != nil {
			if os.Getenv("CI") != "" && runtime.GOOS == "linux" {
				t.Fatal("qemu-user is not installed")
			}
			t.Skip("qemu-user is not installed")
		}
	}
	dir := t.TempDir()
	build := func(arch string, tags ...string) string {
		exe := filepath.Join(dir, "hash-"+arch+strings.Join(tags, ""))
		cmd := exec.Command("go", append([]string{"build", "-o", exe, "-tags", strings.Join(tags, ",")}, "./testdata/hash")...)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, out)
		}
		return exe
	}
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	if runtime.GOOS != "linux" {
		t.Skip("runs programs of linux")
	}
	want := run(build(runtime.GOARCH))
	if got := run(build(runtime.GOARCH, "purego")); got != want {
		t.Errorf("plain Go gives %s, the default kernels %s", got, want)
	}
	if got := run(qemu, build("arm64")); got != want {
		t.Errorf("arm64 gives %s, %s gives %s", got, runtime.GOARCH, want)
	}
}
