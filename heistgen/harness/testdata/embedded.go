// run

package main

import "fmt"

type speaker interface{ speak(int) string }
type namer interface{ name() string }

type both interface {
	speaker
	namer
}

type dog struct {
	n    string
	said int
}

func (d *dog) speak(k int) string { d.said += k; return fmt.Sprint(d.n, " woof ", d.said) }
func (d dog) name() string        { return d.n }

type loud struct {
	both
	volume int
}

func (l loud) speak(k int) string {
	s := l.both.speak(k * l.volume)
	return fmt.Sprint(s, "!", l.volume)
}

type kennel struct {
	*loud
	inner
	dogs []both
}

type inner struct{ count [2]int }

func (i *inner) inc(k int) int { i.count[k%2]++; return i.count[k%2] }
func (i inner) total() int     { return i.count[0] + i.count[1] }

func tour(k kennel) (out []string) {
	for i, d := range k.dogs {
		out = append(out, fmt.Sprint(d.name(), k.inc(i), k.total()))
		if l, ok := d.(loud); ok {
			l.volume++
			out = append(out, l.speak(1), l.both.speak(1))
			k.loud = &l
		}
		if s, ok := d.(interface{ said() int }); ok {
			out = append(out, fmt.Sprint(s.said()))
		}
	}
	out = append(out, k.speak(2), k.loud.name())
	return
}

func missing(k *kennel) (err any) {
	defer func() { err = recover() != nil }()
	return k.name()
}

func main() {
	rex := &dog{n: "rex"}
	k := kennel{loud: &loud{rex, 3}, dogs: []both{rex, loud{&dog{n: "tim"}, 5}, &loud{rex, 7}}}
	fmt.Println(tour(k), k.total(), rex.said)
	fmt.Println(tour(k), k.inc(1), rex.said)
	fmt.Println(missing(&kennel{}), missing(&k))
	f, g := k.inc, k.total
	k.inc(0)
	fmt.Println(f(0), g(), k.total(), (*inner).inc(&k.inner, 1), inner.total(k.inner))
}
