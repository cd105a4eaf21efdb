package server

import (
	"errors"
	"fmt"
	"net"
)

// Addresses are where the four listeners are to be, as "host:port". Port 0 takes
// a free one.
type Addresses struct {
	GRPC, HTTP, Callbacks string
	// Empty when there is no emulator.
	Emulator string
	// Profiles is where pprof answers; empty: nowhere.
	Profiles string
	// Guarded says that clients of GRPC and HTTP are authenticated, over TLS.
	Guarded bool
}

// Listeners are open sockets: whoever connects now is served as soon as Run
// begins.
type Listeners struct {
	GRPC, HTTP, Callbacks net.Listener
	// Nil when there is no emulator.
	Emulator net.Listener
	// Nil when there are no profiles.
	Profiles net.Listener
}

// Listen opens the listeners. All but the callback listener hold the power to
// place calls: they refuse an address beyond loopback unless strangers are kept
// out, by the gateway itself or, as insecure says, by something else. Profiles show
// what is in memory, and stay on loopback.
func Listen(addrs Addresses, insecure bool) (*Listeners, error) {
	var l Listeners
	for _, part := range []struct {
		name, addr string
		listener   *net.Listener
		open       bool
		closed     error // why it is not open
	}{
		{"grpc", addrs.GRPC, &l.GRPC, insecure || addrs.Guarded, errStrangers},
		{"http", addrs.HTTP, &l.HTTP, insecure || addrs.Guarded, errStrangers},
		{"callback", addrs.Callbacks, &l.Callbacks, true, nil},
		{"emulator", addrs.Emulator, &l.Emulator, insecure, errStrangers},
		{"pprof", addrs.Profiles, &l.Profiles, false, errProfiles},
	} {
		if part.addr == "" {
			continue
		}
		if err := listen(part.listener, part.addr, part.open, part.closed); err != nil {
			return nil, errors.Join(fmt.Errorf("%s listener: %w", part.name, err), l.Close())
		}
	}
	return &l, nil
}

var (
	errStrangers = errors.New("its clients are not authenticated over TLS: pass --insecure if something else keeps strangers out")
	errProfiles  = errors.New("what is in memory is shown to this machine only")
)

func listen(into *net.Listener, addr string, open bool, closed error) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return err
	}
	if !open && !tcp.IP.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address, and %w", addr, closed)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return err // and not a nil listener in an interface that is none
	}
	*into = listener
	return nil
}

func (l *Listeners) all() []*net.Listener {
	return []*net.Listener{&l.GRPC, &l.HTTP, &l.Callbacks, &l.Emulator, &l.Profiles}
}

// Close closes what Run has not taken over.
func (l *Listeners) Close() error {
	var errs []error
	for _, ln := range l.all() {
		if *ln == nil {
			continue
		}
		if err := (*ln).Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
