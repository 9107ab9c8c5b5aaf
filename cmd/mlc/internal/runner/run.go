package runner

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

const (
	maxLine  = 64 << 20 // bytes of a line of the child's output
	diedCode = 2        // exit code of a Go program that panicked
)

// CrashError is a program that ended without saying why in its own protocol.
type CrashError struct {
	Err    error
	Stderr string // the end of what it wrote to standard error
}

// Error returns the exit status and the child's last words.
func (e *CrashError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the model's program failed: %v\n%s", e.Err, e.Stderr))
}

// Unwrap returns the error of the process.
func (e *CrashError) Unwrap() error { return e.Err }

// Run starts the program, writes job, one line, to its standard input, and calls
// line with each line it prints, newline excluded; the bytes are valid during
// the call. When ctx ends, the program's standard input is closed, which tells it
// to save and leave; an error of line does the same. It returns the program's exit code, and a
// *CrashError when the code is that of a Go program that died, or when the
// program was killed.
func Run(ctx context.Context, program string, job []byte, line func([]byte) error) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.Command(program)
	var stderr tail
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		// A program that does not read its job has died, which Wait reports.
		stdin.Write(append(slices.Clip(job), '\n'))
		<-ctx.Done()
		stdin.Close()
	}()
	in := bufio.NewScanner(stdout)
	in.Buffer(nil, maxLine)
	var failed error
	for in.Scan() {
		if failed != nil {
			continue
		}
		if failed = line(in.Bytes()); failed != nil {
			cancel()
		}
	}
	if failed == nil {
		failed = in.Err()
	}
	io.Copy(io.Discard, stdout) // a child that still writes must not block
	err = cmd.Wait()
	if failed != nil {
		return 0, failed
	}
	code := cmd.ProcessState.ExitCode()
	if code == diedCode || code < 0 {
		return code, &CrashError{err, stderr.String()}
	}
	return code, nil
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

const maxTail = 16 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.Buffer.Write(p)
	if extra := t.Len() - maxTail; extra > 0 {
		t.Next(extra)
	}
	return n, nil
}
