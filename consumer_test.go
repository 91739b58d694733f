package bearer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// consumerModules is the whole module graph of who requires the root module
// alone. What is added here, every user downloads.
var consumerModules = []string{
	"consumer",
	"github.com/decred/dcrd/dcrec/secp256k1/v4", // of jwx, as most of the others
	"github.com/go-json-experiment/json",
	"github.com/gobearer/bearer",
	"github.com/goccy/go-json",
	"github.com/golang-jwt/jwt/v5",
	"github.com/lestrrat-go/blackmagic",
	"github.com/lestrrat-go/httpcc",
	"github.com/lestrrat-go/httprc",
	"github.com/lestrrat-go/iter",
	"github.com/lestrrat-go/jwx/v2",
	"github.com/lestrrat-go/option",
	"github.com/segmentio/asm",
	"golang.org/x/crypto",
	"golang.org/x/sys",
	"golang.org/x/text", // of PRECIS user names, in package accounts
}

// No router, no store, no telemetry, no test framework.
func TestConsumerGetsNoFramework(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module consumer\n\ngo 1.26.0\n\nrequire github.com/gobearer/bearer v0.1.0\n\nreplace github.com/gobearer/bearer => " + root + "\n",
		"go.sum":  read("go.sum"),
		"main.go": "package main\n\nimport _ \"github.com/gobearer/bearer\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := exec.Command("go", "list", "-m", "all")
	list.Dir = dir
	// Nothing is fetched: to build this test took every module of the graph.
	list.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	output, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Logf("go list -m all\n%s", output)
	var got []string
	for line := range strings.Lines(string(output)) {
		module, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, module)
	}
	slices.Sort(got)
	if !slices.Equal(got, consumerModules) {
		t.Errorf("a consumer's module graph is\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(consumerModules, "\n"))
	}
}
