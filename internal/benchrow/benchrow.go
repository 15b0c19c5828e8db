// Package benchrow is the file format of benchmark rows: what go run ./bench -json writes, and what the
// programs that merge rows of several of them read.
package benchrow

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Row is a row of a benchmark. Figures that were not measured are nil.
type Row struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Better   string   `json:"better"` // "lower" or "higher"
	Ours     *float64 `json:"ours,omitempty"`
	Peer     *float64 `json:"peer,omitempty"`
	PeerName string   `json:"peer_name,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"` // above 1 where Heist is better
	Spread   float64  `json:"spread"`
	Turns    int      `json:"turns,omitempty"`   // how often it was measured
	Seconds  float64  `json:"seconds,omitempty"` // that it took
	Workers  int      `json:"workers"`
	Allocs   float64  `json:"allocs"`
	Bytes    float64  `json:"bytes"`
	Verdict  string   `json:"verdict,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// WriteFile writes rows into a file, as an array.
func WriteFile(name string, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("benchrow: %w", err) // a figure that is no number
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// Read reads rows: in arrays, or one after the other.
func Read(in io.Reader) (rows []Row, err error) {
	for d := json.NewDecoder(in); ; {
		var text json.RawMessage
		if err := d.Decode(&text); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return nil, fmt.Errorf("benchrow: %w", err)
		}
		if text[0] != '[' {
			text = fmt.Appendf(nil, "[%s]", text)
		}
		var more []Row
		if err := json.Unmarshal(text, &more); err != nil {
			return nil, fmt.Errorf("benchrow: %w", err)
		}
		rows = append(rows, more...)
	}
}
