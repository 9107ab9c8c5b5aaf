// Command mlc compiles neural networks written in the language of net.ml files
// to Go packages, checks and formats them, and trains them.
//
// This package is what a person touches: flags, streams, exit codes, progress.
// It may import everything and nothing imports it. Its invariants: standard
// output carries what was asked for and nothing else; standard error carries
// diagnostics, progress and logs; a command writes all of its files or none.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
)

// Exit codes.
const (
	exitOK        = 0
	exitFindings  = 1 // errors in the source or data, stale or unformatted files
	exitUsage     = 2 // wrong flags or arguments
	exitFailure   = 3 // the machine or mlc itself failed
	exitInterrupt = 130
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a compiler's life is short: collecting takes a third of a lint
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exitError ends a command with a code. Its message goes to standard error; a
// nil err has been reported already.
type exitError struct {
	code int
	err  error
}

// Error returns the message, "" when there is nothing more to say.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// errFindings ends a command whose findings have been printed.
var errFindings = &exitError{code: exitFindings}

// errInterrupted ends a command that was interrupted before it had something to keep.
var errInterrupted = &exitError{code: exitInterrupt}

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func failure(err error) error { return &exitError{exitFailure, err} }

// run executes a command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "mlc: internal error: %v\nThis is a bug in mlc. Please report it with the model and this version: %s\n", p, versionText())
			if a.verbose {
				stderr.Write(debug.Stack())
			}
			code = exitFailure
		}
	}()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err} // cobra's own errors are about flags and verbs
	}
	if exit.err != nil {
		fmt.Fprintf(stderr, "mlc: %v\n", exit.err)
	}
	return exit.code
}
