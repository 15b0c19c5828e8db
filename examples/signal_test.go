//go:build unix

// Package examples has nothing but a test of all programs below it that go on until they are
// told to end.
package examples

import (
	"bufio"
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each ends when it is told to, however idle who is connected, and says so by its status.
func TestTerminate(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	for name, c := range map[string]struct {
		args   []string
		serves bool
		status int
	}{
		"echo":    {[]string{"-listen", "127.0.0.1:0", "-grace", "1h"}, true, 0},
		"chat":    {[]string{"-listen", "127.0.0.1:0"}, true, 0},
		"kv":      {[]string{"-addr", "127.0.0.1:0"}, true, 0},
		"jobs":    {[]string{"-for", "1h"}, false, 0},
		"crawler": {[]string{"-rate", "1"}, false, 1}, // it has not done what it was to do
	} {
		program := filepath.Join(t.TempDir(), name)
		said, err := exec.Command("go", "-C", name, "build", "-o", program, ".").CombinedOutput()
		require.NoError(t, err, "%s", said)
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+" "+signal.String(), func(t *testing.T) {
				cmd := exec.Command(program, c.args...)
				var complaints bytes.Buffer
				cmd.Stderr = &complaints
				out, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				hangs := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
				defer hangs.Stop()
				lines := bufio.NewScanner(out)
				require.True(t, lines.Scan(), "it says nothing: %s", &complaints)
				if c.serves {
					_, address, found := strings.Cut(lines.Text(), "listening on ")
					require.True(t, found, lines.Text())
					idle, err := net.Dial("tcp", address)
					require.NoError(t, err)
					defer idle.Close()
				}
				require.NoError(t, cmd.Process.Signal(signal))
				for lines.Scan() {
				}
				err = cmd.Wait()
				require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%v: %s", err, &complaints)
				require.Equal(t, c.status == 0, complaints.Len() == 0, "%s", &complaints)
			})
		}
	}
}
