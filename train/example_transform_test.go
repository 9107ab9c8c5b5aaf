package train_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// A program that feeds a model itself scales its values as the training data was.
func ExampleWeights_Transform() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	how := &data.Transform{
		Table: &data.Table{Separator: ",", Width: 2, Inputs: []data.TableInput{{Name: data.FeatureColumn, Fields: []data.Field{
			{Name: "1", Index: 0, Kind: data.KindNumber}, {Name: "2", Index: 1, Kind: data.KindCategory, Categories: []string{"no", "yes"}}}}}},
		Scalings: []data.Scaling{{Column: data.FeatureColumn, Mean: []float64{10, 0, 0}, Std: []float64{2, 1, 1}}},
	}
	text, err := how.JSON()
	if err != nil {
		panic(err)
	}
	file := filepath.Join(dir, "model.safetensors")
	f, err := os.Create(file)
	if err != nil {
		panic(err)
	}
	if err := mlrt.WriteFile(f, map[string]string{"mlc.data": string(text)}, nil); err != nil {
		panic(err)
	}
	f.Close()

	w, err := train.OpenWeights(file)
	if err != nil {
		panic(err)
	}
	if how, err = w.Transform(); err != nil {
		panic(err)
	}
	rows, err := how.Rows(strings.NewReader("13,yes\n"), "request")
	if err != nil {
		panic(err)
	}
	x := make([]float32, 3)
	if err := rows.Read(0, []int{0}, x); err != nil {
		panic(err)
	}
	fmt.Println(x)
	// Output: [1.5 0 1]
}
