package data

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The columns of image sets.
const (
	ImageColumn = "images" // bytes: [height, width], or [channels, height, width]
	LabelColumn = "labels" // class indices
)

// imageSet builds a set of images and labels.
func imageSet(name string, shape []int, pixels, labels []uint8, classes []string) (*Set, error) {
	return NewSet(name, []Column{
		{Name: ImageColumn, DType: mlrt.Uint8, Shape: shape},
		{Name: LabelColumn, DType: mlrt.Uint8, Classes: len(classes), ClassNames: classes},
	}, []any{pixels, labels})
}

// digits are the class names of MNIST and of sets in its form.
var digits = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// The four files of MNIST, without the optional ".gz". Some copies have a dot
// before "idx".
var mnistFiles = [4]string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}

// findMNIST returns the path of a file of MNIST in dir, "" if there is none.
func findMNIST(dir, file string) string {
	dotted := strings.Replace(file, "-idx", ".idx", 1)
	for _, name := range []string{file, file + ".gz", dotted, dotted + ".gz"} {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// openMNIST reads one half of MNIST from dir: nil if neither of its files is there.
func openMNIST(dir, images, labels string) (*Set, error) {
	imageFile, labelFile := findMNIST(dir, images), findMNIST(dir, labels)
	switch {
	case imageFile == "" && labelFile == "":
		return nil, nil
	case imageFile == "":
		return nil, bad(dir, "has %s but no %s", filepath.Base(labelFile), images)
	case labelFile == "":
		return nil, bad(dir, "has %s but no %s", filepath.Base(imageFile), labels)
	}
	dims, pixels, err := readIDXFile(imageFile)
	if err != nil {
		return nil, err
	}
	if len(dims) < 2 || slices.Contains(dims[1:], 0) {
		return nil, bad(imageFile, "dimensions %v are not those of images", dims)
	}
	labelDims, classes, err := readIDXFile(labelFile)
	if err != nil {
		return nil, err
	}
	if len(labelDims) != 1 || labelDims[0] != dims[0] {
		return nil, bad(labelFile, "dimensions %v, but %s has %d images", labelDims, filepath.Base(imageFile), dims[0])
	}
	if i := slices.IndexFunc(classes, func(k uint8) bool { return int(k) >= len(digits) }); i >= 0 {
		return nil, bad(labelFile, "sample %d: label %d out of range, there are %d classes", i, classes[i], len(digits))
	}
	return imageSet(imageFile, dims[1:], pixels, classes, digits)
}

func readIDXFile(path string) ([]int, []uint8, error) {
	r, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	return ReadIDX(r, path)
}

var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

const cifarPixels = 3 * 32 * 32

// ReadCIFAR10 reads records of CIFAR-10's binary form, a label and 3x32x32
// bytes each: images (channels first) and labels, one after another.
func ReadCIFAR10(r io.Reader, name string) (pixels, labels []uint8, err error) {
	var record [1 + cifarPixels]byte
	for {
		n, err := io.ReadFull(r, record[:])
		if err == io.EOF {
			return pixels, labels, nil
		}
		if err != nil {
			return nil, nil, cut(err, name, "record %d ends after %d of %d bytes", len(labels), n, len(record))
		}
		if int(record[0]) >= len(cifarClasses) {
			return nil, nil, bad(name, "record %d: label %d out of range, there are %d classes", len(labels), record[0], len(cifarClasses))
		}
		if int64(len(pixels)) > maxFile {
			return nil, nil, bad(name, "more than %d bytes", int64(maxFile))
		}
		labels = append(labels, record[0])
		pixels = append(pixels, record[1:]...)
	}
}

// The names of CIFAR-10's files begin with these. Further training images may lie
// in files beside those of the set itself.
var cifarTraining, cifarTests = []string{"data_batch", "train_"}, []string{"test_batch"}

// openCIFAR10 reads the .bin and .bin.gz files of dir whose names start with one
// of the prefixes, in the order of their names; nil if there is none.
func openCIFAR10(dir string, entries []os.DirEntry, prefixes []string) (*Set, error) {
	var files []string
	for _, e := range entries { // sorted by name
		n := e.Name()
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(n, p) }) && strings.HasSuffix(strings.TrimSuffix(n, ".gz"), ".bin") {
			files = append(files, filepath.Join(dir, n))
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	var pixels, labels []uint8
	for _, file := range files {
		p, l, err := readCIFARFile(file)
		if err != nil {
			return nil, err
		}
		pixels, labels = append(pixels, p...), append(labels, l...)
	}
	return imageSet(filepath.Join(dir, prefixes[0]), []int{3, 32, 32}, pixels, labels, cifarClasses)
}

func readCIFARFile(path string) (pixels, labels []uint8, err error) {
	r, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	return ReadCIFAR10(r, path)
}

// openFolder recognises the sets that a folder may hold.
func openFolder(dir string) (training, tests *Set, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	if training, err = openMNIST(dir, mnistFiles[0], mnistFiles[1]); err != nil {
		return nil, nil, err
	}
	if tests, err = openMNIST(dir, mnistFiles[2], mnistFiles[3]); err != nil {
		return nil, nil, err
	}
	if training == nil && tests == nil {
		if training, err = openCIFAR10(dir, entries, cifarTraining); err != nil {
			return nil, nil, err
		}
		if tests, err = openCIFAR10(dir, entries, cifarTests); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case training == nil && tests == nil:
		return nil, nil, bad(dir, "no data set recognised among %s; expected %s, %s, %s and %s (also with .gz), CIFAR-10's data_batch*.bin, train_*.bin and test_batch*.bin, or a folder of PNG, JPEG or WAV files for each class; for a table or text give the file itself",
			listing(entries), mnistFiles[0], mnistFiles[1], mnistFiles[2], mnistFiles[3])
	case training != nil && tests != nil && !slices.Equal(training.columns[0].Shape, tests.columns[0].Shape):
		return nil, nil, bad(dir, "training images are %v, test images %v", training.columns[0].Shape, tests.columns[0].Shape)
	}
	return training, tests, nil
}

// listing names the first entries of a folder.
func listing(entries []os.DirEntry) string {
	const most = 5
	var names []string
	for _, e := range entries[:min(most, len(entries))] {
		names = append(names, strconv.Quote(e.Name()))
	}
	switch {
	case len(names) == 0:
		return "no files"
	case len(entries) > most:
		names = append(names, strconv.Itoa(len(entries)-most)+" more")
	}
	return strings.Join(names, ", ")
}

// imagesOnly makes a preprocessed set without labels.
func imagesOnly(name string, t *Transform, pixels []uint8) (*Set, error) {
	s, err := NewSet(name, []Column{{Name: ImageColumn, DType: mlrt.Uint8, Shape: t.Shape}}, []any{pixels})
	if err != nil {
		return nil, err
	}
	return t.Apply(s)
}
