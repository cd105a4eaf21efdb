package eventstream

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	serverStartTimeout = 10 * time.Second
	// maxRecordBytes bounds one stored record. A callback has at most 1 MiB, which
	// is stored twice: typed, and as it came.
	maxRecordBytes = 8 << 20
	syncEvery      = time.Second
)

// ErrLogInUse is returned for a folder that another process, or another Log of
// this one, holds.
var ErrLogInUse = errors.New("in use by another callgate")

// embeddedServer is a NATS server inside this process: it has no listener, only
// in-process connections.
type embeddedServer struct {
	options *server.Options
	log     *serverLog
	running atomic.Pointer[server.Server]
	lock    *os.File
	temp    string       // removed on close; empty for a server with files
	ill     atomic.Bool  // it is to be mended
	mended  atomic.Int64 // when it was last, in ns since 1970
	// unsynced is the position from which on it shows what is not synced; 0: all is.
	unsynced atomic.Uint64
	grown    bell // rings when it shows more
}

func startEmbedded(o LogOptions) (_ *embeddedServer, err error) {
	e := &embeddedServer{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()

	dir := o.Dir
	if dir == "" {
		// A server in memory still wants a folder of its own.
		if e.temp, err = os.MkdirTemp("", "callgate-"); err != nil {
			return nil, err
		}
		dir = e.temp
	}
	// 0700: the log holds phone numbers.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if e.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%s is %w", dir, ErrLogInUse)
		}
		return nil, err
	}

	e.log = &serverLog{logger: o.Logger.With("component", "event log")}
	e.options = &server.Options{
		ServerName:             "callgate",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               dir,
		SyncAlways:             o.Sync == SyncAlways,
		SyncInterval:           syncEvery,
		MaxPayload:             maxRecordBytes,
		JetStreamMaxMemory:     math.MaxInt64, // the stream has its own limit;
		JetStreamMaxStore:      math.MaxInt64, // the default follows the free disk space at start
		DisableJetStreamBanner: true,
		NoLog:                  true,
		NoSigs:                 true,
	}
	if err := e.start(); err != nil {
		return nil, err
	}
	return e, nil
}

// start starts the server, which opens its files.
func (e *embeddedServer) start() error {
	if e.syncs() {
		if err := syncFiles(filepath.Join(e.options.StoreDir, server.JetStreamStoreDir)); err != nil {
			return err
		}
	}
	s, err := server.NewServer(e.options.Clone())
	if err != nil {
		return err
	}
	e.running.Store(s)
	s.SetLoggerV2(e.log, false, false, false)
	s.Start()
	if !s.ReadyForConnections(serverStartTimeout) || !s.JetStreamEnabled() {
		return fmt.Errorf("the embedded log did not start: %s", e.log.lastError())
	}
	return nil
}

// stop stops the server, once everything it holds is on disk.
func (e *embeddedServer) stop() {
	if s := e.running.Load(); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// InProcessConn implements nats.InProcessConnProvider: a connection to the server
// as it runs now.
func (e *embeddedServer) InProcessConn() (net.Conn, error) { return e.running.Load().InProcessConn() }

// connect opens a connection that comes back for as long as there is a server.
func (e *embeddedServer) connect(logger *slog.Logger) (*nats.Conn, error) {
	return nats.Connect("",
		nats.InProcessServer(e),
		nats.Name("callgate"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectBufSize(-1), // fail at once while there is no connection
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("event log connection", "error", err)
		}),
	)
}

// close stops the server and gives its folder free.
func (e *embeddedServer) close() {
	e.stop()
	if e.lock != nil {
		_ = e.lock.Close() // which unlocks it
	}
	if e.temp != "" {
		_ = os.RemoveAll(e.temp)
	}
}

// serverLog hands the server's log to slog. What the server thinks notable is
// detail here.
type serverLog struct {
	logger *slog.Logger
	last   atomic.Pointer[string]
}

func (l *serverLog) Noticef(format string, v ...any) { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.logger.Warn(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.fail(format, v...) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.fail(format, v...) }

func (l *serverLog) fail(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.last.Store(&text)
	l.logger.Error(text)
}

// lastError is what the server complained of last.
func (l *serverLog) lastError() string {
	if text := l.last.Load(); text != nil {
		return *text
	}
	return "no reason given"
}
