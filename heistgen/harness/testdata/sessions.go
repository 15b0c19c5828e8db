// run

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

type id uint16

type session struct {
	id    id
	user  string
	state state
	inbox []message
	quota struct{ used, max int }
}

type message struct {
	from id
	text string
}

type state uint8

const (
	fresh state = iota + 1
	open
	closing
	closed
)

type server struct {
	sessions map[id]*session
	next     id
	hooks    []func(*session, state) error
}

func (s *server) login(user string) (out *session, err error) {
	for _, old := range s.ordered() {
		if old.user == user && old.state != closed {
			return old, nil
		}
	}
	s.next++
	se := session{id: s.next, user: user, state: fresh}
	se.quota.max = len(user)
	s.sessions[se.id] = &se
	defer func() {
		if err != nil {
			delete(s.sessions, se.id)
			out = nil
		}
	}()
	return &se, s.move(&se, open)
}

func (s *server) move(se *session, to state) (err error) {
	from := se.state
	se.state = to
	for i, h := range s.hooks {
		if e := h(se, from); e != nil {
			err = errors.Join(err, fmt.Errorf("hook %d: %w", i, e))
		}
	}
	if err != nil {
		se.state = from
	}
	return
}

func (s *server) ordered() []*session {
	list := make([]*session, 0, len(s.sessions))
	for _, se := range s.sessions {
		list = append(list, se)
	}
	slices.SortFunc(list, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	return list
}

func (s *server) send(from id, text string, to ...id) (sent int, err error) {
	for _, t := range to {
		se, ok := s.sessions[t]
		if !ok || se.state != open {
			err = cmp.Or(err, fmt.Errorf("no %d", t))
			continue
		}
		if se.quota.used += len(text); se.quota.used > se.quota.max*3 {
			if e := s.move(se, closing); e != nil {
				return sent, e
			}
			continue
		}
		se.inbox = append(se.inbox, message{from, text})
		sent++
	}
	return
}

func main() {
	s := &server{sessions: map[id]*session{}}
	s.hooks = append(s.hooks, func(se *session, from state) error {
		if se.user == "root" && from == fresh {
			return errors.New("root")
		}
		return nil
	}, func(se *session, from state) error {
		if se.state < from || se.user == "" {
			return fmt.Errorf("%d after %d", se.state, from)
		}
		return nil
	})
	for _, u := range []string{"ann", "bob", "root", "", "ann", "cy"} {
		se, err := s.login(u)
		fmt.Println(se != nil, err)
	}
	for i := range 4 {
		fmt.Println(s.send(id(i), fmt.Sprint("hi ", i), 1, 2, 3, 5))
	}
	for _, se := range s.ordered() {
		fmt.Println(*se)
	}
}
