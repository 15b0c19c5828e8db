package pad_test

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/heist-go/heist/internal/pad"
)

func TestLine(t *testing.T) {
	var s struct {
		a byte
		_ pad.Line
		b byte
	}
	b, _ := reflect.TypeOf(s).FieldByName("b")
	if b.Offset < pad.Size {
		t.Errorf("two fields with a Line between them are %d bytes apart", b.Offset)
	}
}

// BenchmarkDistance is two threads that count, each in its own word, by the
// distance of the words.
func BenchmarkDistance(b *testing.B) {
	for _, bytes := range []int{8, 64, 128, 256} {
		b.Run(fmt.Sprint(bytes), func(b *testing.B) {
			var words [512 / 8]atomic.Int64
			done := make(chan struct{})
			count := func(word *atomic.Int64) {
				for range b.N {
					word.Add(1)
				}
			}
			b.ResetTimer()
			go func() {
				defer close(done)
				done <- struct{}{} // both run
				count(&words[16])
			}()
			<-done
			count(&words[16+bytes/8])
			<-done
		})
	}
}
