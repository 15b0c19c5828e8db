// Command heisttop draws a running pool into the terminal. It reads what live.Handler sends.
//
//	heisttop http://localhost:6060/debug/heist/live
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/heist-go/heist/live"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, size); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "heisttop:", err)
		os.Exit(1)
	}
}

// maxEvent bounds an event of the stream.
const maxEvent = 16 << 20

// run reads the stream, and draws, until it ends.
func run(ctx context.Context, args []string, out io.Writer, size func() live.Screen) error {
	flags := flag.NewFlagSet("heisttop", flag.ContinueOnError)
	every := flags.Duration("every", time.Second, "how often to draw")
	once := flags.Bool("once", false, "draw one time, and end")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: heisttop [-every 1s] [-once] URL, where URL is that of the page")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("one argument is needed: the URL of the page")
	}
	u, err := url.Parse(flags.Arg(0))
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no URL of a page, such as http://localhost:6060/debug/heist/live", flags.Arg(0))
	}
	q := u.Query()
	q.Set("format", "events")
	q.Set("every", every.String())
	u.RawQuery = q.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // it is the error that is reported
		return fmt.Errorf("%s: %s: %q", u.Redacted(), answer.Status, strings.TrimSpace(string(text)))
	}
	var view live.View
	tasks := false
	return events(answer.Body, func(event string, data []byte) (more bool, err error) {
		if err := view.Add(event, data); err != nil {
			return false, err
		}
		tasks = tasks || event == "tasks"
		if event != "frame" || *once && !tasks {
			return true, nil
		}
		return !*once, view.Draw(out, size)
	})
}

// events calls f for each event of a stream.
func events(r io.Reader, f func(event string, data []byte) (more bool, err error)) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxEvent)
	event := ""
	for in.Scan() {
		line := in.Bytes()
		if name, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			event = string(name)
		} else if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if more, err := f(event, data); !more || err != nil {
				return err
			}
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// size asks the terminal.
func size() live.Screen {
	out := int(os.Stdout.Fd())
	s := live.Screen{Color: term.IsTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if w, h, err := term.GetSize(out); err == nil {
		s.Width, s.Height = w, h
	}
	return s
}
