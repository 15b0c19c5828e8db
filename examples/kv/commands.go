package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tidwall/redcon"
)

// request is a batch of commands in execution, and the memory for it.
type request struct {
	server *server
	now    int64    // as the store counts
	args   [][]byte // of the command at hand; the first is its name
	out    []byte   // the replies so far
	spent  int      // see share
	quit   bool
}

// maxReply is how many bytes a reply with many values may have.
const maxReply = 16 << 20

// batch executes the commands at the beginning of b, until the batch is full, and
// returns the rest. After an error the stream cannot be understood any more.
func (r *request) batch(now int64, b []byte) (rest []byte, err error) {
	if r.out = r.out[:0]; cap(r.out) > 2*maxReplies {
		r.out = nil // a rare size
	}
	r.now, r.spent, r.quit = now, 0, false
	executed := int64(0)
	for len(b) > 0 && !r.full() && !r.quit {
		var n int
		if r.args, n, err = next(b, r.args); err != nil || n == 0 {
			break
		}
		b = b[n:]
		r.spent += 1 + len(r.args)
		if len(r.args) > 0 { // not an empty line
			r.execute()
			executed++
		}
	}
	r.server.commands.Add(executed)
	return b, err
}

// full reports whether it is time to send what there is, and let others run.
func (r *request) full() bool { return len(r.out) >= maxReplies || r.spent >= share }

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
		"dbsize":   {1, func(r *request) { r.integer(int64(r.size())) }},
		"flushall": {-1, (*request).flushall},
		"info":     {-1, (*request).info},
		"config":   {-2, (*request).config},
		"command":  {-1, func(r *request) { r.out = redcon.AppendArray(r.out, 0) }},
		"select":   {2, (*request).choose},
		"quit":     {-1, func(r *request) { r.quit = true; r.ok() }},
	}
}

// execute executes one command.
func (r *request) execute() {
	var room [16]byte // for the longest name
	name := lower(room[:0], r.args[0])
	c, ok := commands[string(name)]
	switch n := len(r.args); {
	case !ok:
		r.unknown()
	case c.arity >= 0 && n != c.arity || n < -c.arity:
		r.arity(string(name))
	default:
		c.do(r)
	}
}

// lower appends b in small letters, as far as there is room: what is longer is no name.
func lower(room, b []byte) []byte {
	for _, c := range b[:min(len(b), cap(room))] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		room = append(room, c)
	}
	return room
}

// unknown answers as Redis does: with the beginning of what has come.
func (r *request) unknown() {
	var args strings.Builder
	for _, arg := range r.args[1:] {
		if args.Len() >= 128 {
			break
		}
		fmt.Fprintf(&args, "'%s' ", printable(arg))
	}
	r.fail(fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", printable(r.args[0]), &args))
}

// printable is the beginning of b, without what would spoil a line.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '.'
		}
		return r
	}, string(bytes.ToValidUTF8(b[:min(len(b), 128)], []byte("."))))
}

func (r *request) ok()             { r.out = redcon.AppendOK(r.out) }
func (r *request) null()           { r.out = redcon.AppendNull(r.out) }
func (r *request) fail(why string) { r.out = redcon.AppendError(r.out, why) }
func (r *request) bulk(b []byte)   { r.out = redcon.AppendBulk(r.out, b) }
func (r *request) integer(n int64) { r.out = redcon.AppendInt(r.out, n) }
func (r *request) arity(name string) {
	r.fail("ERR wrong number of arguments for '" + name + "' command")
}

// yes answers 1 for true.
func (r *request) yes(is bool) {
	if is {
		r.integer(1)
		return
	}
	r.integer(0)
}

// value answers with a value, or that there is none.
func (r *request) value(b []byte, ok bool) {
	if ok {
		r.bulk(b)
		return
	}
	r.null()
}

// size returns the number of keys. It takes more time than other commands.
func (r *request) size() int {
	r.spent += len(r.server.data.shards)
	return r.server.data.size()
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

func (r *request) get() { r.value(r.server.data.get(r.now, r.args[1])) }

const syntax = "ERR syntax error"

// set is SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL].
func (r *request) set() {
	var how setting
	var get bool
	for i := 3; i < len(r.args); i++ {
		var room [8]byte
		unit := time.Second
		switch string(lower(room[:0], r.args[i])) {
		case "nx":
			how.nx = true
			continue
		case "xx":
			how.xx = true
			continue
		case "keepttl":
			how.keep = true
			continue
		case "get":
			get = true
			continue
		case "ex":
		case "px":
			unit = time.Millisecond
		default:
			r.fail(syntax)
			return
		}
		if i++; i == len(r.args) || how.expires != 0 {
			r.fail(syntax)
			return
		}
		var ok bool
		if how.expires, ok = r.after(r.args[i], unit, "set"); !ok {
			return
		}
		if how.expires <= r.now {
			r.invalidExpiry("set")
			return
		}
	}
	if how.nx && how.xx || how.keep && how.expires != 0 {
		r.fail(syntax)
		return
	}
	old, was, done := r.server.data.set(r.now, r.args[1], bytes.Clone(r.args[2]), how)
	switch {
	case get:
		r.value(old, was)
	case done:
		r.ok()
	default:
		r.null()
	}
}

// after reads how long from now something is to happen; what is past is now. It has
// answered if that is no time.
func (r *request) after(arg []byte, unit time.Duration, name string) (at int64, ok bool) {
	n, err := integer(arg)
	if err != nil {
		r.fail(err.Error())
		return 0, false
	}
	if n > (math.MaxInt64-r.now)/int64(unit) { // in 292 years
		r.invalidExpiry(name)
		return 0, false
	}
	return r.now + max(n, 0)*int64(unit), true
}

func (r *request) invalidExpiry(name string) {
	r.fail("ERR invalid expire time in '" + name + "' command")
}

func (r *request) del() {
	n := int64(0)
	for _, key := range r.args[1:] {
		if r.server.data.remove(r.now, key) {
			n++
		}
	}
	r.integer(n)
}

func (r *request) exists() {
	n := int64(0)
	for _, key := range r.args[1:] {
		if _, ok := r.server.data.get(r.now, key); ok {
			n++
		}
	}
	r.integer(n)
}

func (r *request) add(by int64) {
	n, err := r.server.data.add(r.now, r.args[1], by)
	if err != nil {
		r.fail(err.Error())
		return
	}
	r.integer(n)
}

func (r *request) incrby() {
	by, err := integer(r.args[2])
	if err != nil {
		r.fail(err.Error())
		return
	}
	r.add(by)
}

func (r *request) mget() {
	before := len(r.out)
	r.out = redcon.AppendArray(r.out, len(r.args)-1)
	for _, key := range r.args[1:] {
		r.value(r.server.data.get(r.now, key))
		if len(r.out)-before > maxReply { // a thousand large values in a small command
			r.out = r.out[:before]
			r.fail(fmt.Sprintf("ERR the reply has more than %d bytes", maxReply))
			return
		}
	}
}

// mset sets one key after the other: others may see some of them first.
func (r *request) mset() {
	if len(r.args)%2 == 0 {
		r.arity("mset")
		return
	}
	for i := 1; i < len(r.args); i += 2 {
		r.server.data.set(r.now, r.args[i], bytes.Clone(r.args[i+1]), setting{})
	}
	r.ok()
}

func (r *request) expire() {
	if at, ok := r.after(r.args[2], time.Second, "expire"); ok {
		r.yes(r.server.data.expire(r.now, r.args[1], at))
	}
}

func (r *request) ttl() {
	switch at, ok := r.server.data.deadline(r.now, r.args[1]); {
	case !ok:
		r.integer(-2)
	case at == 0:
		r.integer(-1)
	default:
		r.integer(int64(time.Duration(at-r.now).Round(time.Second) / time.Second))
	}
}

func (r *request) persist() { r.yes(r.server.data.persist(r.now, r.args[1])) }

// flushall is FLUSHALL [ASYNC|SYNC], which are the same here.
func (r *request) flushall() {
	if n := len(r.args); n > 2 || n == 2 &&
		!strings.EqualFold(string(r.args[1]), "async") && !strings.EqualFold(string(r.args[1]), "sync") {
		r.fail(syntax)
		return
	}
	r.spent += len(r.server.data.shards)
	r.server.data.clear()
	r.ok()
}

func (r *request) info() {
	s := r.server.pool.Stats()
	r.out = redcon.AppendBulkString(r.out, fmt.Sprintf(
		"# Server\r\nredis_version:7.0.0\r\nserver:heist-kv\r\n"+
			"# Clients\r\nconnected_clients:%d\r\n"+
			"# Stats\r\ntotal_commands_processed:%d\r\nworkers:%d\r\npolls:%d\r\nevents:%d\r\n"+
			"# Keyspace\r\ndb0:keys=%d\r\n",
		r.server.clients.Load(), r.server.commands.Load(), s.Workers, s.Polls, s.Events, r.size()))
}

// parameters are what CONFIG GET knows: what redis-benchmark asks for.
var parameters = map[string]string{"save": "", "appendonly": "no", "maxmemory": "0"}

// config is CONFIG GET parameter...
func (r *request) config() {
	if !strings.EqualFold(string(r.args[1]), "get") {
		r.fail(fmt.Sprintf("ERR unknown subcommand '%s'. Try CONFIG HELP.", printable(r.args[1])))
		return
	}
	if len(r.args) < 3 {
		r.arity("config|get")
		return
	}
	var found []string
	for _, arg := range r.args[2:] {
		name := strings.ToLower(string(arg))
		if value, ok := parameters[name]; ok {
			found = append(found, name, value)
		}
	}
	r.out = redcon.AppendArray(r.out, len(found))
	for _, s := range found {
		r.out = redcon.AppendBulkString(r.out, s)
	}
}

// choose is SELECT: there is one database.
func (r *request) choose() {
	switch n, err := integer(r.args[1]); {
	case err != nil:
		r.fail(err.Error())
	case n != 0:
		r.fail("ERR DB index is out of range")
	default:
		r.ok()
	}
}
