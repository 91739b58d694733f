package bearer_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// What README.md shows is what works: every go block is a program that compiles,
// or stands as it is in an example, which CI builds and runs. The first is the
// quickstart.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("```go")); n != len(goBlock.FindAll(text, -1)) || n == 0 {
		t.Fatalf("%d go blocks, of which %d are readable", n, len(goBlock.FindAll(text, -1)))
	}
	var examples []string
	err = filepath.WalkDir("examples", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			source, err := os.ReadFile(path)
			examples = append(examples, string(source))
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, block := range goBlock.FindAllStringSubmatch(string(text), -1) {
		shown := block[1]
		if n == 0 {
			quickstart, err := os.ReadFile("examples/quickstart/main.go")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(quickstart), shown) {
				t.Error("the first go block does not stand in examples/quickstart/main.go")
			}
		}
		inExample := slices.ContainsFunc(examples, func(source string) bool { return strings.Contains(source, shown) })
		_, err := parser.ParseFile(token.NewFileSet(), "main.go", shown, parser.PackageClauseOnly)
		switch isProgram := err == nil; {
		case isProgram:
			build(t, n+1, shown)
		case !inExample:
			t.Errorf("go block %d is neither a program nor stands in an example:\n%s", n+1, shown)
		}
	}
}

// build compiles a program as a reader would who has this module.
func build(t *testing.T, n int, source string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput(); err != nil {
		t.Errorf("go block %d: %v\n%s", n, err, out)
	}
}
