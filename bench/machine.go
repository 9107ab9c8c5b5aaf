package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// machine describes where the figures come from.
func machine() string {
	facts := map[string]string{"model name": runtime.GOARCH}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		first, _, _ := strings.Cut(string(info), "\n\n")
		for line := range strings.Lines(first) {
			if name, value, ok := strings.Cut(line, ":"); ok {
				facts[strings.TrimSpace(name)] = strings.TrimSpace(value)
			}
		}
	}
	return fmt.Sprintf("%s (family %s, model %s), %d cores, caches a core %s; %s/%s, %s", facts["model name"], facts["cpu family"], facts["model"],
		runtime.NumCPU(), strings.Join(caches(), ", "), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// caches lists the data caches of the first core.
func caches() (list []string) {
	dirs, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*")
	for _, dir := range dirs {
		read := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			return strings.TrimSpace(string(text))
		}
		if read("type") != "Instruction" {
			list = append(list, "L"+read("level")+" "+read("size"))
		}
	}
	return list
}
