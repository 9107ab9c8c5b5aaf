package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

const recipeSeeds = 3

// recipe trains with the same settings and data in both systems: seconds from the
// loaded data to the last test, and the mean accuracy over the seeds.
func recipe(c config, t *table, n int) error {
	if c.data == "" {
		c.data = "../shared/data"
	}
	images := filepath.Join(c.data, "mnist")
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	c.rounds = recipeSeeds
	seed := 0
	accuracy := map[string]float64{}
	counted := func(name string, m measurement) measurement {
		return func() (sample, error) {
			s, err := m()
			accuracy[name] += s.Accuracy / recipeSeeds
			return s, err
		}
	}
	mlc := func() (s sample, err error) {
		seed++
		return c.mlcRecipe(images, seed, n)
	}
	r := row{what: "AdamW, B=128", threads: n, cold: true}
	err = t.compareWith(c, r, counted("mlc", mlc), torch, func(p *peer) measurement {
		return counted(p.Name+" "+p.mode, func() (sample, error) { return p.ask(fmt.Sprintf("recipe %s %d 0", images, seed)) })
	})
	if err != nil {
		return err
	}
	notes := []string{fmt.Sprintf("mlc %.2f%%", 100*accuracy["mlc"])}
	for _, p := range torch {
		notes = append(notes, fmt.Sprintf("%s %.2f%%", strings.TrimSpace(p.Name+" "+p.mode), 100*accuracy[p.Name+" "+p.mode]))
	}
	t.note("Mean test accuracy of %d seeds: %s.", recipeSeeds, strings.Join(notes, ", "))
	return nil
}

func (c config) mlcRecipe(images string, seed, threads int) (s sample, err error) {
	out, err := exec.Command(c.mlc, "train", "specs/mnist_fast/net.ml", "--data", images, "--epochs", "5", "--batch", "128", "--scale", "channels",
		"--threads", fmt.Sprint(threads), "--seed", fmt.Sprint(seed), "--format", "json", "--out", filepath.Join(c.dir, "recipe")).Output()
	if err != nil {
		return s, fmt.Errorf("mlc train: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var done struct {
		Event    string
		Seconds  float64
		Accuracy float64 `json:"test_accuracy"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &done); err != nil || done.Event != "done" {
		return s, fmt.Errorf("mlc train ended with %q", lines[len(lines)-1])
	}
	return sample{Median: done.Seconds, Accuracy: done.Accuracy}, nil
}
