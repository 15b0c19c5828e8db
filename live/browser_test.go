package live_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/live"
	"github.com/heist-go/heist/pool"
)

var images = flag.String("images", "", "write pictures of the page into this folder")

// process is Chromium, which all tests share.
type process struct {
	ctx context.Context
	end func()
	why string // there is none
	err error
}

var chromium = sync.OnceValue(func() (c process) {
	file := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			file = found
			break
		}
	}
	if file == "" {
		c.why = "there is no Chromium here"
		return c
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(file), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	allocator, _ := chromedp.NewExecAllocator(background, options...)
	c.ctx, c.end = chromedp.NewContext(allocator)
	c.err = chromedp.Do(c.ctx, chromedp.Navigate("about:blank"))
	endBrowser = c.end
	return c
})

// endBrowser ends Chromium, if it was started.
var endBrowser = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	endBrowser()
	os.Exit(code)
}

// browser is a tab of it.
type browser struct {
	t      *testing.T
	ctx    context.Context
	mu     sync.Mutex
	errors []string // of the console
}

func browse(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: it starts a browser")
	}
	c := chromium()
	if c.why != "" {
		t.Skip("skipped: " + c.why)
	}
	require.NoError(t, c.err)
	ctx, cancel := chromedp.NewContext(c.ctx) // a tab
	t.Cleanup(cancel)
	b := &browser{t: t}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // without a limit: it would be the tab's
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	console := chromedp.Console(b.ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			switch m.Type {
			case chromedp.ConsoleLog, chromedp.ConsoleDebug, chromedp.ConsoleInfo:
			default:
				b.mu.Lock()
				b.errors = append(b.errors, m.String())
				b.mu.Unlock()
			}
		}
	}()
	return b
}

// open opens a page. At the end of the test it is left, before its server ends, and its console looked at.
func (b *browser) open(url string) {
	b.t.Helper()
	b.run(chromedp.Navigate(url))
	b.t.Cleanup(func() {
		b.run(chromedp.Navigate("about:blank"))
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Empty(b.t, b.errors, "the console")
	})
}

type action = chromedp.Action[chromedp.Void]

func (b *browser) run(actions ...action) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// prefers sets what the system is said to prefer.
func prefers(scheme string) action {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return v, err
	}
}

// do is a script.
func do(script string) action { return chromedp.Evaluate[chromedp.Void](script) }

// choose sets the theme.
func choose(theme string) action {
	return do(`document.getElementById("theme").value = "` + theme + `"; document.getElementById("theme").dispatchEvent(new Event("change"))`)
}

// eval returns the value of an expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return v
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	script := "Promise.resolve(" + expression + ")"
	deadline := time.After(40 * time.Second)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
		if ok {
			return
		}
		select {
		case <-deadline:
			require.FailNow(b.t, "it is not so", "%s: %v\n%s", expression, err, eval[string](b, "document.body.innerText"))
		case <-time.After(50 * time.Millisecond): // the page may just be replaced
		}
	}
}

// picture writes a picture of the page, if that is asked for.
func (b *browser) picture(name string) {
	if *images == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(*images, name), png, 0o644))
}

// contrasts returns the texts that are hard to read: those with less contrast than WCAG's 4.5.
const contrasts = `(() => {
  const parse = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const light = ([r, g, b]) => { const f = x => { x /= 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.tagName === "SCRIPT" || !e.getClientRects().length) continue;
    let back = e;
    while (back && parse(getComputedStyle(back).backgroundColor)[3] === 0) back = back.parentElement;
    const a = light(parse(getComputedStyle(e).color)), b = light(parse(getComputedStyle(back || document.body).backgroundColor));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(e.tagName + " " + e.className + " " + ratio.toFixed(2) + ": " + e.textContent.slice(0, 40));
  }
  return bad;
})()`

// unnamed returns the controls without a name for who cannot see them, and ids that are there twice.
const unnamed = `(() => {
  const bad = [];
  for (const e of document.querySelectorAll("button, input, select, canvas, [role=img], section, table")) {
    const by = e.getAttribute("aria-labelledby");
    const name = e.getAttribute("aria-label") || by && document.getElementById(by) || e.labels && e.labels.length || e.tagName === "BUTTON" && e.textContent.trim() || e.parentElement.id === "alarms";
    if (!name) bad.push(e.outerHTML.slice(0, 80));
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of ids) if (ids.filter(x => x === id).length > 1) bad.push("twice: " + id);
  return bad;
})()`

// TestBrowserWorkload: what runs is seen, in light and dark, on a wide and a narrow screen, and by the keyboard alone.
func TestBrowserWorkload(t *testing.T) {
	b := browse(t)
	p := open(t, pool.Config{Workers: 4, Debug: true})
	opened(t, p)
	url := serve(t, p, live.Options{Stacks: true})
	b.run(chromedp.EmulateViewport(1200, 1500), prefers("light"))
	b.open(url)

	// The workers, and what they have done.
	b.until(`document.querySelectorAll("#lanes li").length >= 4`)
	for _, kind := range []string{"live_test.clerk", "live_test.report", "live_test.customer", "live_test.audit"} {
		b.until(`document.getElementById("kinds").innerText.includes("` + kind + `")`)
	}
	b.until(`[...document.querySelectorAll("#tiles dd")].filter(e => e.textContent !== "0").length >= 6`)
	b.until(`document.getElementById("legend").innerText.includes("live_test.report")`)
	b.until(`[...document.querySelectorAll("#lanes canvas")].some(c => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(x => x !== 0))`)
	b.until(`document.getElementById("objects").innerText.includes("accounts")`)
	b.until(`document.getElementById("times").innerText.includes(" ms")`)
	b.until(`[...document.querySelectorAll("#kinds tbody tr")].some(r => Number(r.children[2].textContent) > 0 && r.children[4].textContent.includes("s"))`)
	b.until(`document.getElementById("stalls").innerText.includes("in one poll")`)
	require.Empty(t, eval[[]string](b, unnamed))
	if *images != "" {
		b.until(`performance.now() > 31000`)
	}

	// Light and dark, by the system and by choice.
	background := func() string { return eval[string](b, `getComputedStyle(document.body).backgroundColor`) }
	require.Equal(t, "rgb(255, 255, 255)", background())
	require.Empty(t, eval[[]string](b, contrasts))
	b.picture("seeing-live-light.png")
	b.run(prefers("dark"))
	b.until(`getComputedStyle(document.body).backgroundColor === "rgb(13, 17, 23)"`)
	require.Empty(t, eval[[]string](b, contrasts))
	if *images != "" {
		b.until(`new Promise(done => setTimeout(() => done(true), 600))`)
	}
	b.picture("seeing-live-dark.png")
	b.run(choose("light"))
	require.Equal(t, "rgb(255, 255, 255)", background())
	b.run(chromedp.Reload())
	b.until(`document.querySelectorAll("#lanes li").length >= 4`)
	require.Equal(t, "rgb(255, 255, 255)", background(), "it is kept")

	// A narrow screen.
	for _, width := range []int64{360, 320} {
		b.run(chromedp.EmulateViewport(width, 800))
		b.until(`document.querySelectorAll("#shapes tbody tr").length >= 3`)
		require.LessOrEqual(t, eval[int64](b, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`), width)
		require.Empty(t, eval[[]string](b, `[...document.querySelectorAll("body *")].filter(e => !e.matches(".skip, thead, thead *") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))`))
		require.GreaterOrEqual(t, eval[float64](b, `Math.min(...[...document.querySelectorAll("body *")].filter(e => e.getClientRects().length).map(e => parseFloat(getComputedStyle(e).fontSize)))`), 12.0)
		require.Empty(t, eval[[]string](b, contrasts))
	}
	b.picture("seeing-live-360.png")
	b.run(chromedp.EmulateViewport(1200, 900))

	b.keyboard()
	require.Empty(t, eval[[]string](b, unnamed))
}

// keyboard uses the page without a mouse.
func (b *browser) keyboard() {
	t := b.t
	focused := func() string {
		return eval[string](b, `document.activeElement.id || document.activeElement.dataset.sort || document.activeElement.className`)
	}
	b.run(do(`document.activeElement.blur(); scrollTo(0, 0)`), chromedp.KeyEvent(kb.Tab))
	seen := []string{focused()}
	require.Equal(t, "skip", seen[0])
	for range 17 {
		b.run(chromedp.KeyEvent(kb.Tab))
		if eval[bool](b, `document.activeElement === document.body`) {
			break // round
		}
		seen = append(seen, focused())
		require.NotEmpty(t, eval[string](b, `getComputedStyle(document.activeElement).outlineStyle.replace("none", "")`), "%s: what has the focus is seen", focused())
		switch focused() {
		case "pause":
			b.run(chromedp.KeyEvent(" "))
			require.Equal(t, "true", eval[string](b, `document.getElementById("pause").getAttribute("aria-pressed")`))
			b.until(`document.getElementById("status").textContent.includes("paused")`)
			b.run(chromedp.KeyEvent(kb.Enter))
			b.until(`document.getElementById("status").textContent.includes("4 workers")`)
		case "cursor":
			b.run(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
			b.until(`document.getElementById("cursor-at").textContent === "0.2 s ago"`)
			b.run(chromedp.KeyEvent(kb.End))
			b.until(`document.getElementById("cursor-at").textContent === "now"`)
		case "name":
			b.run(chromedp.KeyEvent(kb.Enter))
			require.Equal(t, "ascending", eval[string](b, `document.querySelector("#kinds [data-sort=name]").parentElement.getAttribute("aria-sort")`))
			names := eval[[]string](b, `[...document.querySelectorAll("#kinds tbody tr td:nth-child(2)")].map(e => e.textContent)`)
			require.IsIncreasing(t, names)
		case "filter":
			b.run(chromedp.KeyEvent("clerk"))
			require.NotEmpty(t, eval[[]string](b, `[...document.querySelectorAll("#shapes tbody tr td:nth-child(2)")].map(e => e.textContent)`))
			for _, kind := range eval[[]string](b, `[...document.querySelectorAll("#shapes tbody tr")].map(e => e.textContent)`) {
				require.Contains(t, strings.ToLower(kind), "clerk")
			}
		}
	}
	for _, id := range []string{"skip", "pause", "theme", "cursor", "window", "lanes", "share", "name", "cpu", "waiting", "filter"} {
		require.Contains(t, seen, id)
	}
}

// TestBrowserDeadlock: a deadlock is there by name, and said aloud.
func TestBrowserDeadlock(t *testing.T) {
	b := browse(t)
	p := open(t, pool.Config{Workers: 2, Debug: true})
	deadlocked(t, p)
	b.run(chromedp.EmulateViewport(1000, 700))
	b.open(serve(t, p, live.Options{}))
	b.until(`document.querySelectorAll("ol.circle > li").length === 2`)
	text := eval[string](b, `document.getElementById("deadlocks").innerText`)
	for _, part := range []string{"2 tasks wait for each other", "live_test.transfer", "live_test.refund", "lock.Mutex “savings”", "lock.Mutex “checking”"} {
		require.Contains(t, text, part)
	}
	require.Contains(t, eval[string](b, `document.querySelector("[role=alert]").innerText`), "Deadlock: 1 circle of tasks.")
	require.Contains(t, eval[string](b, `document.querySelector("[role=alert]").innerText`), "Quiescent")
	b.until(`document.getElementById("objects").innerText.includes("0x")`)
	b.until(`document.getElementById("status").textContent.includes("2 tasks")`)
	require.Empty(t, eval[[]string](b, contrasts))
	b.picture("seeing-live-deadlock.png")
	b.run(choose("dark"))
	require.Empty(t, eval[[]string](b, contrasts))
	b.run(chromedp.EmulateViewport(360, 800))
	require.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), int64(360))
	require.Empty(t, eval[[]string](b, unnamed))
}

// TestBrowserQuiet: a group in which nothing moves is there, with what it waits for, for how long, and so are the timers that
// are due next.
func TestBrowserQuiet(t *testing.T) {
	b := browse(t)
	p := open(t, pool.Config{Workers: 2, Debug: true})
	stillAndAlive(t, p)
	b.run(chromedp.EmulateViewport(1000, 700))
	b.open(serve(t, p, live.Options{}))
	b.until(`document.getElementById("quiet").innerText.includes("parcels")`)
	b.until(`document.getElementById("timers-note").textContent.includes("1 timers are armed, and due in ")`)
	b.until(`document.getElementById("shapes").innerText.includes("started at ")`)
	b.until(`[...document.querySelectorAll("#quiet td")].some(x => x.dataset.label === "Still for" && x.textContent !== "")`)
	b.until(`document.getElementById("inbox-note").textContent !== ""`)
	require.Empty(t, eval[[]string](b, contrasts))
	b.run(chromedp.EmulateViewport(360, 800))
	require.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), int64(360))
	require.Empty(t, eval[[]string](b, unnamed))
}

// TestBrowserNames: what a task is called is text, whatever it is.
func TestBrowserNames(t *testing.T) {
	b := browse(t)
	p := open(t, pool.Config{Workers: 1})
	release := badNames(t, p)
	defer release()
	b.run(chromedp.EmulateViewport(360, 800))
	b.open(serve(t, p, live.Options{}))
	b.until(`document.getElementById("shapes").innerText.includes("onerror")`)
	require.Zero(t, eval[int](b, `document.querySelectorAll("img").length + document.querySelectorAll("script").length - 1`))
	require.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), int64(360))
}

// TestBrowserClosing: the page outlives the pool.
func TestBrowserClosing(t *testing.T) {
	b := browse(t)
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	b.open(serve(t, p, live.Options{}))
	b.until(`document.getElementById("status").textContent.includes("0 tasks")`)
	require.NoError(t, p.Close())
	b.until(`document.getElementById("status").textContent.includes("closing")`)
	raw, err := json.Marshal(eval[string](b, `document.title`))
	require.NoError(t, err)
	require.JSONEq(t, `"Heist"`, string(raw))
}
