//go:build plots

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// picture is a plot, with a sentence about it.
type picture struct {
	Title, Text string
	SVG         template.HTML
}

// page writes the results as a page that needs no other file.
func page(file string, results []result, m machine, pictures []picture) error {
	type line struct {
		Name, Load, Ours, Peer, PeerName, Ratio, Spread, Verdict string
		Good                                                     bool
	}
	data := struct {
		Machine  machine
		Lines    []line
		Pictures []picture
	}{Machine: m, Pictures: pictures}
	for _, r := range results {
		met, _ := r.verdict(r.target)
		data.Lines = append(data.Lines, line{
			r.name, r.load, figureOf(r.us, r.ours), figureOf(r.them, r.peer), r.peerName,
			times(r.better), percent(r), r.judge(), met && r.err == nil,
		})
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, data); err != nil {
		return err
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
