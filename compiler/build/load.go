package build

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// maxImports bounds the imported files of a model, counted over all of them.
const maxImports = 64

// source is one parsed file.
type source struct {
	name    string // the name in diagnostics: as the user gave it, or "prelude/linear.ml"
	rel     string // path below the module's root, with slashes
	src     []byte
	ast     *dsl.File
	prelude bool

	decls   map[string]*callable
	imports map[string]*source
	// used notes which imports something was taken from.
	used map[string]bool
	// importAt gives the place of each import.
	importAt map[string]diag.Span
}

// loader reads and parses the files of one model.
type loader struct {
	fsys    fs.FS             // the module's root
	prefix  string            // path of the module's root, to name files in messages
	overlay map[string][]byte // contents that replace files, by rel
	diags   *diag.List

	files   map[string]*source
	order   []*source // in order of loading
	loading []string  // rel of the files whose imports are being loaded
}

// newLoader opens the module that holds file. close releases it.
func newLoader(opt *Options, diags *diag.List) (l *loader, rel string, close func(), err error) {
	l = &loader{fsys: opt.FS, overlay: opt.Overlay, diags: diags, files: map[string]*source{}}
	close = func() {}
	if l.fsys != nil {
		return l, path.Clean(filepath.ToSlash(opt.File)), close, nil
	}
	abs, err := filepath.Abs(opt.File)
	if err != nil {
		return nil, "", close, err
	}
	dir := moduleRoot(filepath.Dir(abs))
	if _, ok := opt.Overlay[opt.File]; ok && opt.Overlay != nil {
		if _, err := os.Stat(dir); err != nil {
			l.fsys = os.DirFS(".")
			return l, filepath.ToSlash(opt.File), close, nil
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", close, err
	}
	relative, err := filepath.Rel(dir, abs)
	if err != nil {
		return nil, "", close, err
	}
	l.fsys = root.FS()
	rel = filepath.ToSlash(relative)
	// Files are named in messages relative to where the user named the first one.
	l.prefix = strings.TrimSuffix(filepath.ToSlash(opt.File), rel)
	if !strings.HasSuffix(filepath.ToSlash(opt.File), rel) {
		l.prefix = ""
	}
	return l, rel, func() { _ = root.Close() }, nil
}

// moduleRoot is the nearest directory above dir that holds a go.mod or a
// repository, and dir itself when there is none.
func moduleRoot(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		for _, mark := range []string{"go.mod", ".git"} {
			if _, err := os.Stat(filepath.Join(d, mark)); err == nil {
				return d
			}
		}
		if filepath.Dir(d) == d {
			return dir
		}
	}
}

// main loads the model's own file, which is called name in messages.
func (l *loader) main(name, rel string) (*source, error) {
	src, err := l.read(name, rel)
	if err != nil {
		return nil, err
	}
	s := l.parse(name, rel, src)
	go prefetch(s.ast)
	return s, nil
}

func (l *loader) read(name, rel string) ([]byte, error) {
	for _, key := range []string{name, rel} {
		if text, ok := l.overlay[key]; ok {
			return text, nil
		}
	}
	info, err := fs.Stat(l.fsys, rel)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: errors.New("not a regular file")}
	}
	return fs.ReadFile(l.fsys, rel)
}

// parse adds a file and what it imports. Its syntax errors are reported; the
// declarations that could be read are there.
func (l *loader) parse(name, rel string, src []byte) *source {
	s := &source{name: name, rel: rel, src: src, used: map[string]bool{},
		imports: map[string]*source{}, importAt: map[string]diag.Span{}}
	l.files[rel] = s
	l.order = append(l.order, s)
	file, diags := dsl.Parse(name, src)
	l.diags.Add(diags...)
	s.ast = file
	if file == nil {
		s.ast = &dsl.File{}
	}
	s.declare(l.diags)
	l.loading = append(l.loading, rel)
	for _, imp := range s.ast.Imports {
		l.imp(s, imp)
	}
	l.loading = l.loading[:len(l.loading)-1]
	return s
}

// imp loads one import of s.
func (l *loader) imp(s *source, imp *dsl.Import) {
	target := imp.Path.Value()
	at := imp.Path.Span()
	alias := strings.TrimSuffix(path.Base(target), ".ml")
	if imp.Alias != nil {
		alias = imp.Alias.Name
	}
	if prev, ok := s.importAt[alias]; ok {
		l.diags.Add(diag.New(diag.DuplicateName, imp.Span(), "two imports are called %s", alias).
			Also(prev, "the other one").HelpText("give one of them a name: import other %s", imp.Path.Quoted))
		return
	}
	s.importAt[alias] = imp.Span()
	rel, ok := resolveImport(s.rel, target)
	if !ok {
		l.diags.Add(diag.New(diag.ImportOutside, at, "import %q leaves the module", target).
			HelpText("imports are relative paths of files below the module's root"))
		return
	}
	if i := indexOf(l.loading, rel); i >= 0 {
		l.diags.Add(diag.New(diag.ImportCycle, at, "import cycle: %s", strings.Join(append(l.loading[i:len(l.loading):len(l.loading)], rel), " imports ")))
		return
	}
	if f, ok := l.files[rel]; ok {
		s.imports[alias] = f
		return
	}
	if len(l.files) > maxImports {
		l.diags.Add(diag.New(diag.TooManyImports, at, "more than %d files are imported", maxImports))
		return
	}
	name := l.prefix + rel
	src, err := l.read(name, rel)
	if err != nil {
		l.diags.Add(importError(at, target, err))
		return
	}
	s.imports[alias] = l.parse(name, rel, src)
}

func importError(at diag.Span, target string, err error) *diag.Diagnostic {
	var pe *fs.PathError
	reason := err
	if errors.As(err, &pe) {
		reason = pe.Err
	}
	if strings.Contains(err.Error(), "escapes") {
		return diag.New(diag.ImportOutside, at, "import %q leaves the module through a link", target)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return diag.New(diag.ImportMissing, at, "there is no file %q", target).HelpText("the path is relative to this file")
	}
	return diag.New(diag.ImportMissing, at, "file %q cannot be read: %v", target, reason)
}

// resolveImport gives the path below the module's root that target names in a
// file there.
func resolveImport(from, target string) (string, bool) {
	if target == "" || strings.ContainsAny(target, "\\:\x00") || path.IsAbs(target) {
		return "", false
	}
	rel := path.Join(path.Dir(from), target)
	return rel, fs.ValidPath(rel) && rel != "."
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// declare indexes the file's declarations.
func (s *source) declare(diags *diag.List) {
	s.decls = map[string]*callable{}
	for _, d := range s.ast.Decls {
		id := d.Name()
		if id == nil {
			continue
		}
		if prev, ok := s.decls[id.Name]; ok {
			diags.Add(diag.New(diag.DuplicateName, id.Span(), "%s is declared twice", id.Name).
				Also(prev.decl.Name().Span(), "the first declaration"))
			continue
		}
		s.decls[id.Name] = newCallable(s, d)
	}
}

// prefetch parses the library words that a file names while it is being built,
// and the words that those name.
func prefetch(file *dsl.File) {
	seen := map[string]bool{}
	for work := []*dsl.File{file}; len(work) > 0; work = work[1:] {
		for _, t := range work[0].Tokens {
			if seen[t.Value] || !prelude.Has(t.Value) {
				continue
			}
			seen[t.Value] = true
			work = append(work, prelude.Word(t.Value).AST)
		}
	}
}

// word returns a library word written in the language, or nil. The tree is
// parsed once in a process and shared.
func (e *evaluator) word(name string) *callable {
	if c, ok := e.words[name]; ok {
		return c
	}
	p := prelude.Word(name)
	if p == nil {
		e.words[name] = nil
		return nil
	}
	s := &source{name: p.Name, src: p.Source, ast: p.AST, prelude: true, used: map[string]bool{}}
	var diags diag.List
	s.declare(&diags)
	e.preludes[p.Name] = s
	e.words[name] = s.decls[name]
	return e.words[name]
}
