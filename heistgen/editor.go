package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const settings = `{
	"gopls": {"build.buildFlags": ["-tags=heistgen"]}
}
`

// editors writes the settings that gopls needs to see sources, where there are none, and says
// what to do where there are. dir is in the module.
func editors(out io.Writer, dir string) error {
	root, err := moduleRoot(dir)
	if err != nil {
		return err
	}
	name := filepath.Join(root, ".vscode", "settings.json")
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(settings), 0o666); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: written\n", name)
	case err != nil:
		return err
	case strings.Contains(string(text), "heistgen"):
		fmt.Fprintf(out, "%s: it has the tag\n", name)
	default:
		fmt.Fprintf(out, "%s: it is there. Add to it\n\t\"gopls\": {\"build.buildFlags\": [\"-tags=heistgen\"]}\n", name)
	}
	fmt.Fprint(out, `other editors: the setting of gopls is
	build.buildFlags: ["-tags=heistgen"]
and in an ordinary file of the package stands
	//go:generate go run github.com/heist-go/heist/heistgen@latest
`)
	return nil
}

// moduleRoot returns the folder of go.mod.
func moduleRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here, or above")
		}
		dir = up
	}
}
