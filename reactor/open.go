package reactor

import (
	"fmt"
	"net"
	"slices"
	"syscall"
)

// The networks that have streams, and those that have datagrams.
var (
	streamNetworks = []string{"tcp", "tcp4", "tcp6", "unix"}
	packetNetworks = []string{"udp", "udp4", "udp6", "unixgram"}
)

// checkNetwork returns an error of what is done for a network that is none of some.
func checkNetwork(do, network string, some []string) error {
	if !slices.Contains(some, network) {
		return fmt.Errorf("reactor: %s: %w", do, net.UnknownNetworkError(network))
	}
	return nil
}

// listenWith has package net listen. lc may be nil.
func listenWith[S any](lc *net.ListenConfig, network string, some []string, listen func(*net.ListenConfig) (S, error)) (s S, err error) {
	if err := checkNetwork("listen", network, some); err != nil {
		return s, err
	}
	if lc == nil {
		lc = &net.ListenConfig{}
	}
	if s, err = listen(lc); err != nil {
		return s, fmt.Errorf("reactor: listen: %w", err)
	}
	return s, nil
}

// dialWith has package net dial, and adopt take what it has dialed. d may be nil.
func dialWith[S any](d *net.Dialer, network string, some []string, dial func(*net.Dialer) (net.Conn, error), adopt func(syscall.Conn) (S, error)) (s S, err error) {
	if err := checkNetwork("dial", network, some); err != nil {
		return s, err
	}
	if d == nil {
		d = &net.Dialer{}
	}
	std, err := dial(d)
	if err != nil {
		return s, fmt.Errorf("reactor: %w", err) // package net's error says that it was a dial
	}
	defer std.Close()
	return adopt(std.(syscall.Conn))
}

// adoptFD duplicates the descriptor of c, unless check refuses it.
func adoptFD(c syscall.Conn, check func(fd int) error) (fd int, err error) {
	if fd, err = dupConn(c); err == nil {
		if err = check(fd); err != nil {
			closeFD(fd)
		}
	}
	if err != nil {
		return none, fmt.Errorf("reactor: adopt: %w", err)
	}
	return fd, nil
}
