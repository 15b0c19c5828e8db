package rules

import (
	"go/ast"
	"go/types"
)

// LentBytes finds lent bytes that are kept.
var LentBytes = rule("lentbytes", `lent bytes that are kept beyond the poll

What Conn.Next, Conn.ReadUntil and Cx.Scratch return is the worker's, lent until Poll
returns: then another task reads into it. Builds with -race overwrite it.

Copy what has to stay: append(t.buf, b...), bytes.Clone(b), string(b).

A function lends if it is marked with //heist:lent, or returns what another one has lent; one
that is marked with //heist:keeps keeps what it is given (Post, Send, Resolve). The rule
follows the bytes through assignments, literals, package bytes, and helpers, also those of other
packages, but not through interfaces and function values.`, lentBytes)

func lentBytes(c *check) {
	for _, f := range c.funcs {
		v := c.valuesOf(f.node)
		told := map[ast.Expr]bool{}
		v.run(func(e ast.Expr, where string) {
			if !told[e] {
				told[e] = true
				c.report(e, "%s is lent until the poll returns, and is kept %s: copy it", types.ExprString(e), where)
			}
		})
	}
}
