// Command stories loads the weights of its first argument and writes, as JSON, the
// tokens that a greedy choice gives, one call a token, and the scores at each call.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"small/stories"
)

const (
	begin = 1 // the token that begins a text
	calls = 200
)

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(weights string) error {
	f, err := os.Open(weights)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := stories.Load(f)
	if err != nil {
		return err
	}
	s := m.NewSession(1)
	defer s.Close()
	var out struct {
		Tokens []int32
		Logits [][]float32
		Again  []int32 // after Reset
	}
	token := []int32{begin}
	for range calls {
		logits, next, err := s.Generate(token)
		if err != nil {
			return err
		}
		out.Tokens = append(out.Tokens, next[0])
		out.Logits = append(out.Logits, append([]float32(nil), logits...))
		token[0] = next[0]
	}
	s.Reset()
	token[0] = begin
	for range calls {
		_, next, err := s.Generate(token)
		if err != nil {
			return err
		}
		out.Again = append(out.Again, next[0])
		token[0] = next[0]
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}
