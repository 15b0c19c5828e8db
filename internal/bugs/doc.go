// Package bugs is twenty kinds of concurrency bugs as small programs, each with its mended twin:
// what package pool/sim must find, within a number of seeds that was fixed beforehand, and what
// it must let pass. There is nothing in it but tests.
package bugs
