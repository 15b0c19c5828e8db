// run

package main

import (
	"errors"
	"fmt"
)

type lease struct {
	id, holder int
	until      int
	renewals   [2]int
}

type table struct {
	leases  map[int]*lease
	clock   int
	history []lease
}

var (
	errHeld = errors.New("held")
	errGone = errors.New("gone")
)

func (t *table) acquire(id, who, ttl int) (l *lease, err error) {
	defer func() {
		if err == nil {
			t.history = append(t.history, *l)
		}
	}()
	if have, ok := t.leases[id]; ok && have.until > t.tick() {
		return nil, fmt.Errorf("lease %d: %w by %d", id, errHeld, have.holder)
	}
	l = &lease{id: id, holder: who, until: t.tick() + ttl}
	t.leases[id] = l
	return l, nil
}

func (t *table) tick() int { t.clock++; return t.clock }

func (t *table) renew(l *lease, ttl int) error {
	if t.leases[l.id] != l {
		return errGone
	}
	before := *l
	l.until, l.renewals[l.id%2], l.renewals[(l.id+1)%2] = t.tick()+ttl, l.renewals[(l.id+1)%2]+t.tick(), l.renewals[l.id%2]-t.tick()
	if before.renewals == l.renewals {
		fmt.Println("the copy has changed")
	}
	return nil
}

func worker(t *table, who int) (done, lost int) {
	var held []*lease
	for id := who; id < who+4; id++ {
		l, err := t.acquire(id, who, 5)
		switch {
		case errors.Is(err, errHeld):
			lost++
			continue
		case err != nil:
			panic(err)
		}
		held = append(held, l)
	}
	defer func() {
		for _, l := range held {
			delete(t.leases, l.id)
		}
	}()
	for i, l := range held {
		if i%2 == 0 {
			l = held[len(held)-1-i]
		}
		if err := t.renew(l, who+i); err == nil {
			done++
		}
	}
	return done, lost
}

func main() {
	t := &table{leases: map[int]*lease{2: {id: 2, holder: 9, until: 30}}}
	for who := range 5 {
		fmt.Println(worker(t, who))
	}
	fmt.Println(t.clock, len(t.leases), t.history)
}
