package data

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// classFile is a file of a folder that is sorted by class.
type classFile struct {
	path, relative string
	class          int32
}

// trainFolders and testFolders are what people call the two halves of a set.
var (
	trainFolders = []string{"train", "training"}
	testFolders  = []string{"test", "testing", "val", "valid", "validation"}
)

// sampleFiles lists the files that hold samples of a class folder or a flat one.
func sampleFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // sorted by name
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg", ".wav":
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// findClasses lists the samples below dir: in one folder for each class, or in
// dir itself with names that start with the class, up to a "_" or ".". It
// returns none where dir is not such a folder.
func findClasses(dir string) (files []classFile, classes []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		names, err := sampleFiles(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		for _, n := range names {
			files = append(files, classFile{filepath.Join(dir, e.Name(), n), e.Name() + "/" + n, int32(len(classes))})
		}
		if len(names) > 0 {
			classes = append(classes, e.Name())
		}
	}
	if len(files) > 0 {
		return files, classes, nil
	}
	names, err := sampleFiles(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		class, _, found := strings.Cut(n, "_")
		if !found {
			class, _, _ = strings.Cut(n, ".")
		}
		k, known := slices.BinarySearch(classes, class)
		if !known {
			classes = slices.Insert(classes, k, class)
		}
		files = append(files, classFile{path: filepath.Join(dir, n), relative: n})
	}
	for i := range files {
		for k, class := range classes {
			if rest := strings.TrimPrefix(files[i].relative, class); rest != files[i].relative && (rest[0] == '_' || rest[0] == '.') {
				files[i].class = int32(k)
			}
		}
	}
	return files, classes, nil
}

// child returns the folder in dir that has one of the names, "" if there is none.
func child(dir string, names []string) string {
	for _, n := range names {
		if st, err := os.Stat(filepath.Join(dir, n)); err == nil && st.IsDir() {
			return filepath.Join(dir, n)
		}
	}
	return ""
}

// classHalves lists the training and test samples of a folder: its folders train
// and test, or all samples, of which a hash of the name makes a share tests.
func classHalves(dir string, share float64, seed uint64) (training, tests []classFile, classes []string, err error) {
	if half := child(dir, trainFolders); half != "" {
		if training, classes, err = findClasses(half); err != nil {
			return nil, nil, nil, err
		}
		if half = child(dir, testFolders); half != "" {
			var same []string
			if tests, same, err = findClasses(half); err != nil {
				return nil, nil, nil, err
			}
			if !slices.Equal(classes, same) {
				return nil, nil, nil, bad(half, "the classes are %s, of the training samples %s", quoted(same), quoted(classes))
			}
		}
		return training, tests, classes, nil
	}
	files, classes, err := findClasses(dir)
	for _, f := range files {
		if inTests([]byte(f.relative), share, seed) {
			tests = append(tests, f)
		} else {
			training = append(training, f)
		}
	}
	return training, tests, classes, err
}

// inTests decides by a hash whether a sample belongs to the test set.
func inTests(key []byte, share float64, seed uint64) bool {
	var prefix [8]byte
	binary.LittleEndian.PutUint64(prefix[:], seed)
	h := sha256.Sum256(append(prefix[:], key...))
	return math.Ldexp(float64(binary.LittleEndian.Uint64(h[:])>>11), -53) < share
}

// openClasses reads a folder of images or recordings that is sorted by class. It
// returns nil where the folder is none.
func openClasses(dir string, o *Options) (*Source, error) {
	training, tests, classes, err := classHalves(dir, o.TestShare, o.SplitSeed)
	if err != nil || len(training)+len(tests) == 0 {
		return nil, err
	}
	if len(training) == 0 {
		return nil, bad(dir, "all %d samples fall into the test set", len(tests))
	}
	if len(classes) < 2 {
		return nil, bad(dir, "all samples are of one class, %q: expected a folder for each class, or names that start with the class", classes[0])
	}
	t := &Transform{Classes: classes, TestShare: o.TestShare, SplitSeed: o.SplitSeed}
	first := training[0].path
	if strings.EqualFold(filepath.Ext(first), ".wav") {
		err = t.fitAudio(training, o)
	} else {
		t.Shape, err = pictureShape(first, o.Shape)
	}
	if err != nil {
		return nil, err
	}
	return t.classSource(dir, training, tests, o.Scale)
}

// classSource reads the samples of both halves.
func (t *Transform) classSource(dir string, training, tests []classFile, scale string) (*Source, error) {
	read := t.pictures
	if t.Audio != nil {
		read = t.recordings
	}
	var sets [2]*Set
	for i, files := range [][]classFile{training, tests} {
		if len(files) == 0 {
			continue
		}
		var err error
		if sets[i], err = read(dir, files); err != nil {
			return nil, err
		}
	}
	if t.Audio == nil && t.Scalings == nil {
		var err error
		if t.Scalings, err = imageScalings(dir, sets[0], scale); err != nil {
			return nil, err
		}
	}
	return t.source(sets[0], sets[1])
}

// labels returns the column of the files' classes.
func (t *Transform) labels(files []classFile) (Column, []int32) {
	values := make([]int32, len(files))
	for i, f := range files {
		values[i] = f.class
	}
	return Column{Name: LabelColumn, DType: mlrt.Int32, Classes: len(t.Classes), ClassNames: t.Classes}, values
}

// pictures reads images in the shape of the training images.
func (t *Transform) pictures(dir string, files []classFile) (*Set, error) {
	size := 1
	for _, d := range t.Shape {
		size *= d
	}
	if int64(len(files)) > maxFile/int64(size) {
		return nil, bad(dir, "%d images of %v exceed the limit of %d bytes", len(files), t.Shape, int64(maxFile))
	}
	pixels := make([]uint8, 0, len(files)*size)
	for _, f := range files {
		text, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		p, err := DecodeImage(text, t.Shape, false)
		if err != nil {
			return nil, bad(f.path, "%v", err)
		}
		pixels = append(pixels, p...)
	}
	label, classes := t.labels(files)
	return NewSet(dir, []Column{{Name: ImageColumn, DType: mlrt.Uint8, Shape: t.Shape}, label}, []any{pixels, classes})
}
