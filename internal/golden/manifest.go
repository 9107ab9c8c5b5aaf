// Package golden turns the reference cases of another system (a manifest and
// safetensors files made by PyTorch) into net.ml texts, so that tests can build
// them and compare values, gradients and updates.
//
// It knows the manifest's words and the language's; it runs nothing itself.
package golden

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Array describes one tensor of a case's file.
type Array struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
}

// Case is one row of the manifest.
type Case struct {
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`
	Op     string         `json:"op"`
	Args   map[string]any `json:"args"`
	File   string         `json:"file"`
	Arrays []Array        `json:"arrays"`
}

// Array finds an array of the case by name.
func (c *Case) Array(name string) (Array, bool) {
	for _, a := range c.Arrays {
		if a.Name == name {
			return a, true
		}
	}
	return Array{}, false
}

// Load reads manifest.json of a folder.
func Load(dir string) ([]Case, error) { return LoadFile(filepath.Join(dir, "manifest.json")) }

// LoadFile reads a manifest.
func LoadFile(name string) ([]Case, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var m struct {
		Cases []Case `json:"cases"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return m.Cases, nil
}

// The accessors below read an argument with a default; a value of another JSON
// type gives the default too, so that an unknown form shows as a mismatch.

func (c *Case) num(name string, def float64) float64 {
	if v, ok := c.Args[name].(float64); ok {
		return v
	}
	return def
}

func (c *Case) str(name, def string) string {
	if v, ok := c.Args[name].(string); ok {
		return v
	}
	return def
}

func (c *Case) flag(name string, def bool) bool {
	if v, ok := c.Args[name].(bool); ok {
		return v
	}
	return def
}

// has reports whether an argument is there and not null.
func (c *Case) has(name string) bool { return c.Args[name] != nil }
