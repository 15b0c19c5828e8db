package main

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/redcon"
)

// request is a command in execution.
type request struct {
	*server
	now  time.Time
	args [][]byte // the first is its name
	out  []byte   // the replies so far
	quit bool
}

// command is what a name stands for. arity is Redis's: the number of arguments with the
// name; negative: at least so many.
type command struct {
	arity int
	do    func(*request)
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"ping":     {-1, (*request).ping},
		"echo":     {2, func(r *request) { r.bulk(r.args[1]) }},
		"get":      {2, (*request).get},
		"set":      {-3, (*request).set},
		"del":      {-2, (*request).del},
		"exists":   {-2, (*request).exists},
		"incr":     {2, func(r *request) { r.add(1) }},
		"decr":     {2, func(r *request) { r.add(-1) }},
		"incrby":   {3, (*request).incrby},
		"mget":     {-2, (*request).mget},
		"mset":     {-3, (*request).mset},
		"expire":   {3, (*request).expire},
		"ttl":      {2, (*request).ttl},
		"persist":  {2, (*request).persist},
		"dbsize":   {1, func(r *request) { r.integer(int64(r.data.m.Size())) }},
		"flushall": {-1, func(r *request) { r.data.m.Clear(); r.ok() }},
		"info":     {-1, (*request).info},
		"config":   {-2, (*request).config},
		"command":  {-1, func(r *request) { r.out = redcon.AppendArray(r.out, 0) }},
		"select":   {2, (*request).choose},
		"quit":     {-1, func(r *request) { r.quit = true; r.ok() }},
	}
}

// serve executes the command.
func (r *request) serve() {
	name := strings.ToLower(string(r.args[0]))
	c, ok := commands[name]
	switch n := len(r.args); {
	case !ok:
		r.fail(fmt.Sprintf("ERR unknown command '%.40s'", printable(r.args[0])))
	case c.arity >= 0 && n != c.arity || n < -c.arity:
		r.arity(name)
	default:
		c.do(r)
	}
}

// printable keeps a reply on one line.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '.'
		}
		return r
	}, string(bytes.ToValidUTF8(b, []byte("."))))
}

func (r *request) ok()             { r.out = redcon.AppendOK(r.out) }
func (r *request) null()           { r.out = redcon.AppendNull(r.out) }
func (r *request) fail(why string) { r.out = redcon.AppendError(r.out, why) }
func (r *request) bulk(b []byte)   { r.out = redcon.AppendBulk(r.out, b) }
func (r *request) integer(n int64) { r.out = redcon.AppendInt(r.out, n) }
func (r *request) arity(name string) {
	r.fail("ERR wrong number of arguments for '" + name + "' command")
}

func (r *request) ping() {
	switch len(r.args) {
	case 1:
		r.out = redcon.AppendString(r.out, "PONG")
	case 2:
		r.bulk(r.args[1])
	default:
		r.arity("ping")
	}
}

func (r *request) get() {
	if e, ok := r.data.get(r.now, r.args[1]); ok {
		r.bulk(e.value)
		return
	}
	r.null()
}

const syntax = "ERR syntax error"

// set is SET key value [NX|XX] [EX seconds|PX milliseconds|KEEPTTL] [GET].
func (r *request) set() {
	var nx, xx, keep, get bool
	var expires int64
	for i := 3; i < len(r.args); i++ {
		switch option := strings.ToLower(string(r.args[i])); option {
		case "nx":
			nx = true
		case "xx":
			xx = true
		case "keepttl":
			keep = true
		case "get":
			get = true
		case "ex", "px":
			if i++; i == len(r.args) || expires != 0 {
				r.fail(syntax)
				return
			}
			unit := time.Second
			if option == "px" {
				unit = time.Millisecond
			}
			var ok bool
			if expires, ok = r.after(r.args[i], unit, "set", false); !ok {
				return
			}
		default:
			r.fail(syntax)
			return
		}
	}
	if nx && xx || keep && expires != 0 {
		r.fail(syntax)
		return
	}
	value := bytes.Clone(r.args[2])
	var old entry
	var was, done bool
	r.data.change(r.now, r.args[1], func(e entry, ok bool) (entry, bool) {
		old, was = e, ok
		if done = !(nx && ok || xx && !ok); !done {
			return e, ok
		}
		if keep {
			expires = e.expires
		}
		return entry{value, expires}, true
	})
	switch {
	case get && was:
		r.bulk(old.value)
	case get || !done:
		r.null()
	default:
		r.ok()
	}
}

// after reads a time from now on. It has answered if that is none.
func (r *request) after(arg []byte, unit time.Duration, name string, past bool) (at int64, ok bool) {
	n, err := strconv.ParseInt(string(arg), 10, 64)
	if err != nil {
		r.fail(errNotInteger.Error())
		return 0, false
	}
	now := r.now.UnixNano()
	if n <= 0 && !past || n > (math.MaxInt64-now)/int64(unit) || n < -now/int64(unit) {
		r.fail("ERR invalid expire time in '" + name + "' command")
		return 0, false
	}
	return now + n*int64(unit), true
}

func (r *request) del() {
	n := int64(0)
	for _, key := range r.args[1:] {
		if r.data.remove(r.now, key) {
			n++
		}
	}
	r.integer(n)
}

func (r *request) exists() {
	n := int64(0)
	for _, key := range r.args[1:] {
		if _, ok := r.data.get(r.now, key); ok {
			n++
		}
	}
	r.integer(n)
}

func (r *request) add(by int64) {
	n, err := r.data.add(r.now, r.args[1], by)
	if err != nil {
		r.fail(err.Error())
		return
	}
	r.integer(n)
}

func (r *request) incrby() {
	by, err := strconv.ParseInt(string(r.args[2]), 10, 64)
	if err != nil {
		r.fail(errNotInteger.Error())
		return
	}
	r.add(by)
}

func (r *request) mget() {
	r.out = redcon.AppendArray(r.out, len(r.args)-1)
	for _, key := range r.args[1:] {
		if e, ok := r.data.get(r.now, key); ok {
			r.bulk(e.value)
		} else {
			r.null()
		}
	}
}

func (r *request) mset() {
	if len(r.args)%2 == 0 {
		r.arity("mset")
		return
	}
	for i := 1; i < len(r.args); i += 2 {
		r.data.m.Store(string(r.args[i]), entry{value: bytes.Clone(r.args[i+1])})
	}
	r.ok()
}

func (r *request) expire() {
	at, ok := r.after(r.args[2], time.Second, "expire", true)
	if !ok {
		return
	}
	n := int64(0)
	r.data.change(r.now, r.args[1], func(e entry, ok bool) (entry, bool) {
		if ok {
			n, e.expires = 1, at
		}
		return e, ok && !e.gone(r.now)
	})
	r.integer(n)
}

func (r *request) ttl() {
	switch e, ok := r.data.get(r.now, r.args[1]); {
	case !ok:
		r.integer(-2)
	case e.expires == 0:
		r.integer(-1)
	default:
		left := time.Duration(e.expires - r.now.UnixNano())
		r.integer(int64((left + time.Second/2) / time.Second))
	}
}

func (r *request) persist() {
	n := int64(0)
	r.data.change(r.now, r.args[1], func(e entry, ok bool) (entry, bool) {
		if ok && e.expires != 0 {
			n, e.expires = 1, 0
		}
		return e, ok
	})
	r.integer(n)
}

func (r *request) info() {
	s := r.pool.Stats()
	r.out = redcon.AppendBulkString(r.out, fmt.Sprintf(
		"# Server\r\nredis_version:7.0.0\r\nserver:heist-kv\r\n"+
			"# Clients\r\nconnected_clients:%d\r\n"+
			"# Stats\r\ntotal_commands_processed:%d\r\nworkers:%d\r\npolls:%d\r\nevents:%d\r\n"+
			"# Keyspace\r\ndb0:keys=%d\r\n",
		r.clients.Load(), r.processed.Load(), s.Workers, s.Polls, s.Events, r.data.m.Size()))
}

// config is CONFIG GET, as far as redis-benchmark asks.
func (r *request) config() {
	if len(r.args) != 3 || !strings.EqualFold(string(r.args[1]), "get") {
		r.fail("ERR only CONFIG GET parameter is supported")
		return
	}
	known := map[string]string{"save": "", "appendonly": "no", "maxmemory": "0"}
	value, ok := known[strings.ToLower(string(r.args[2]))]
	if !ok {
		r.out = redcon.AppendArray(r.out, 0)
		return
	}
	r.out = redcon.AppendArray(r.out, 2)
	r.bulk(r.args[2])
	r.out = redcon.AppendBulkString(r.out, value)
}

func (r *request) choose() {
	if string(r.args[1]) != "0" {
		r.fail("ERR DB index is out of range")
		return
	}
	r.ok()
}
