package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEditors(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := editors(&out, sub); err == nil {
		t.Error("there is no module")
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, ".vscode", "settings.json")
	expect := func(want, file string) {
		t.Helper()
		out.Reset()
		if err := editors(&out, sub); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v\n%s\nwant %q", err, out.String(), want)
		}
		if text, _ := os.ReadFile(name); string(text) != file {
			t.Errorf("settings: %s", text)
		}
	}
	expect("written", settings)
	expect("it has the tag", settings)
	if err := os.WriteFile(name, []byte("{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	expect("Add to it", "{}\n")
}

// A folder without sources is no failure, and not passed over in silence.
func TestNothing(t *testing.T) {
	out, err := exec.Command("go", "run", ".", "-check", "./gen").CombinedOutput()
	if want := "heistgen: no straight-line functions in ./gen: "; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s\nwant %q", err, out, want)
	}
}
