package accounts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The flood of examples/login-flood, a short one. The program fails if a
// verification does or a login gets an answer that it should not get. Its figures
// are for reading: they depend on the machine and on what else it does.
func TestFlood(t *testing.T) {
	if os.Getenv("BEARER_INTEGRATION") != "1" {
		t.Skip("takes all of the machine for ten seconds: set BEARER_INTEGRATION=1")
	}
	program := filepath.Join(t.TempDir(), "login-flood")
	// A program of its own, without the race detector, whose heap is the service's.
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./login-flood")
	build.Dir = filepath.Join("..", "examples")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, "-duration", "3s").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
