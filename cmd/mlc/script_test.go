package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var _ = debug.SetGCPercent(400) // as the command does

// TestScripts runs testdata/script/*.txtar: each is a folder of files and, as
// the archive's comment, commands to run in it, one a line:
//
//	mlc ARGS           runs the command line and expects exit code 0
//	exit N mlc ARGS    the same, expecting exit code N
//	stdin FILE         gives the next mlc this standard input
//	env NAME=VALUE     sets an environment variable
//	stdout REGEXP      checks the last standard output; stderr likewise
//	no stdout REGEXP   expects no match; no stderr likewise
//	grep REGEXP FILE   checks a file; no grep likewise
//	cmp FILE FILE      expects equal files; stdout stands for the last output
//	exists FILE…       expects files; no exists FILE… expects none
//	cp FROM TO, rm FILE, chmod MODE FILE, flip FILE OFFSET, truncate FILE SIZE
//	hex FROM TO        writes the bytes that a file spells in hexadecimal
//	repeat FILE MARK TEXT TIMES   replaces MARK by repeated TEXT
//
// $WORK is the folder, $REPO the repository. Fields may be quoted by '.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			runScript(t, archive, repo)
		})
	}
}

// script is the state of a running script.
type script struct {
	t              *testing.T
	repo           string
	stdin          []byte
	stdout, stderr string
}

func runScript(t *testing.T, archive *txtar.Archive, repo string) {
	dir := t.TempDir()
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("NO_COLOR", "1")
	t.Setenv("LC_ALL", "C.UTF-8")
	s := &script{t: t, repo: repo}
	for i, line := range strings.Split(string(archive.Comment), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		args, err := fields(os.Expand(line, func(name string) string {
			switch name {
			case "WORK":
				return dir
			case "REPO":
				return repo
			}
			return "$" + name
		}))
		if err == nil {
			err = s.do(args)
		}
		if err != nil {
			t.Fatalf("line %d: %s\n%v\nstdout: %s\nstderr: %s", i+1, line, err, s.stdout, s.stderr)
		}
	}
}

// fields splits a line at blanks, keeping text between single quotes whole.
func fields(line string) ([]string, error) {
	var list []string
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		if line[0] == '\'' {
			text, rest, ok := strings.Cut(line[1:], "'")
			if !ok {
				return nil, fmt.Errorf("quote without end")
			}
			list, line = append(list, text), rest
			continue
		}
		n := strings.IndexAny(line, " \t")
		if n < 0 {
			n = len(line)
		}
		list, line = append(list, line[:n]), line[n:]
	}
	return list, nil
}

func (s *script) do(args []string) error {
	want := true
	if args[0] == "no" {
		want, args = false, args[1:]
	}
	switch args[0] {
	case "mlc":
		return s.mlc(0, args[1:])
	case "exit":
		code, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return s.mlc(code, args[3:])
	case "stdout":
		return match(s.stdout, args[1], want)
	case "stderr":
		return match(s.stderr, args[1], want)
	case "grep":
		text, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		return match(string(text), args[1], want)
	case "exists":
		for _, name := range args[1:] {
			if _, err := os.Stat(name); (err == nil) != want {
				return fmt.Errorf("%s: exists is %v", name, err == nil)
			}
		}
		return nil
	}
	return s.file(args)
}

func (s *script) mlc(want int, args []string) error {
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, bytes.NewReader(s.stdin), &stdout, &stderr)
	s.stdout, s.stderr, s.stdin = stdout.String(), stderr.String(), nil
	if code != want {
		return fmt.Errorf("exit code %d, want %d", code, want)
	}
	return nil
}

func match(text, pattern string, want bool) error {
	re, err := regexp.Compile("(?ms)" + pattern)
	if err != nil {
		return err
	}
	if re.MatchString(text) != want {
		return fmt.Errorf("match of %q is %v", pattern, !want)
	}
	return nil
}

// file runs the commands that work on files.
func (s *script) file(args []string) (err error) {
	read := func(name string) []byte {
		if name == "stdout" {
			return []byte(s.stdout)
		}
		text, e := os.ReadFile(name)
		if e != nil {
			err = e
		}
		return text
	}
	number := func(text string) int {
		n, e := strconv.ParseInt(text, 0, 64)
		if e != nil {
			err = e
		}
		return int(n)
	}
	write := func(name string, text []byte) error {
		if err != nil {
			return err
		}
		return os.WriteFile(name, text, 0o666)
	}
	switch args[0] {
	case "stdin":
		s.stdin = read(args[1])
	case "env":
		name, value, _ := strings.Cut(args[1], "=")
		s.t.Setenv(name, value)
	case "cmp":
		if a, b := read(args[1]), read(args[2]); err == nil && !bytes.Equal(a, b) {
			return fmt.Errorf("%s and %s differ:\n%s\n---\n%s", args[1], args[2], a, b)
		}
	case "cp":
		return write(args[2], read(args[1]))
	case "rm":
		return os.RemoveAll(args[1])
	case "chmod":
		mode, e := strconv.ParseUint(args[1], 8, 32)
		if e != nil {
			return e
		}
		return os.Chmod(args[2], os.FileMode(mode))
	case "flip":
		text, at := read(args[1]), number(args[2])
		if at < 0 {
			at += len(text)
		}
		text[at] ^= 1
		return write(args[1], text)
	case "truncate":
		text := read(args[1])
		n := number(args[2])
		if n < 0 {
			n += len(text)
		}
		return write(args[1], text[:n])
	case "hex":
		text, e := hex.DecodeString(strings.Join(strings.Fields(string(read(args[1]))), ""))
		if e != nil {
			return e
		}
		return write(args[2], text)
	case "repeat":
		return write(args[1], bytes.ReplaceAll(read(args[1]), []byte(args[2]), bytes.Repeat([]byte(args[3]), number(args[4]))))
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
	return err
}
