// Command sum adds many numbers in parallel, in the three ways there are, and by a loop.
//
//	go run ./examples/sum -n 50000000
//
// Take the first that fits: an algorithm of package par; closures, if there are a few parts
// that you know; a position that is passed along, for a recursion of your own.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// plain is what the others are measured against.
func plain(numbers []int) (sum int) {
	for _, v := range numbers {
		sum += v
	}
	return sum
}

// algorithm is one call. Reduce is the same for whatever is associative.
func algorithm(p *pool.Pool, numbers []int) int { return par.Sum(p, numbers) }

// reduce adds by a function: a call for each element, which the compiler does not see through.
func reduce(p *pool.Pool, numbers []int) int {
	return par.Reduce(p, numbers, 0, func(x, y int) int { return x + y })
}

// closures has two parts, each of which is two parts again, down to a size that is worth a
// closure. Do is for any number of parts; for two with a result there is Both.
func closures(p *pool.Pool, numbers []int) (sum int) {
	pool.Do(p, func(s pool.Scope) { sum = halves(s, numbers) })
	return sum
}

func halves(s pool.Scope, numbers []int) int {
	const worth = 10_000 // a closure costs as much as some hundred additions
	if len(numbers) <= worth {
		return plain(numbers)
	}
	half := len(numbers) / 2
	var left, right int
	pool.Do(s,
		func(s pool.Scope) { left = halves(s, numbers[:half]) },
		func(s pool.Scope) { right = halves(s, numbers[half:]) })
	return left + right
}

// forks is the same recursion, but its parts are offered by their argument, and cost a
// nanosecond: the leaves can be small.
func forks(p *pool.Pool, numbers []int) int { return pool.Call(p, fork, numbers) }

func fork(f pool.Fork[[]int, int], numbers []int) int {
	const leaf = 64 // a fork costs as much as a few additions
	if len(numbers) <= leaf {
		return plain(numbers)
	}
	left, right := numbers[:len(numbers)/2], numbers[len(numbers)/2:]
	sum := fork(f.Put(right), left) // somebody may take the right half meanwhile
	if f.Kept() {
		return sum + fork(f, right)
	}
	return sum + f.Take(right)
}

var ways = []struct {
	name string
	sum  func(*pool.Pool, []int) int
}{
	{"a loop", func(_ *pool.Pool, numbers []int) int { return plain(numbers) }},
	{"par.Sum", algorithm},
	{"par.Reduce", reduce},
	{"pool.Do", closures},
	{"Put, Kept, Take", forks},
}

// numbers returns n of them, whose sum is not obvious.
func numbers(n int) []int {
	list := make([]int, n)
	x := uint32(1)
	for i := range list {
		x = x*1664525 + 1013904223
		list[i] = int(x >> 20)
	}
	return list
}

func main() {
	n := flag.Int("n", 50_000_000, "how many numbers")
	flag.Parse()
	p := pool.Default()
	list := numbers(*n)
	want, agree := plain(list), true
	for _, way := range ways {
		start := time.Now()
		sum := way.sum(p, list)
		took := time.Since(start)
		agree = agree && sum == want
		fmt.Printf("%-16s %14d %10.1f ms, %.2f ns a number\n", way.name, sum, took.Seconds()*1e3, float64(took)/float64(max(*n, 1)))
	}
	if !agree {
		fmt.Println("they do not agree")
		os.Exit(1)
	}
	fmt.Println("all agree, on", p.Workers(), "workers")
}
