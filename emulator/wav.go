package emulator

import (
	"encoding/binary"
	"io"
	"math"
	"time"
)

const (
	sampleRate     = 16000
	bytesPerSample = 2
	wavHeader      = 44
	// wavPeriod is one period of the tone, 400 Hz, in samples.
	wavPeriod = 40
	// loudness of the tone, of 32767.
	loudness = 3000
)

// wav is a WAV file: a quiet tone, 16 bits at 16 kHz, the same on every channel.
// It is made while it is read, and takes no memory.
type wav struct {
	lasts    time.Duration
	channels int
}

// frames are the samples of each channel.
func (w wav) frames() int64 { return int64(w.lasts) * sampleRate / int64(time.Second) }

func (w wav) frameSize() int64 { return int64(w.channels) * bytesPerSample }

// size is the length of the file in bytes.
func (w wav) size() int64 { return wavHeader + w.frames()*w.frameSize() }

// reader reads the file from its beginning.
func (w wav) reader() *io.SectionReader {
	return io.NewSectionReader(&wavReader{header: w.header(), period: w.period(), size: w.size()}, 0, w.size())
}

// header is that of RIFF with one chunk of PCM data.
func (w wav) header() []byte {
	h := make([]byte, 0, wavHeader)
	data := uint32(w.frames() * w.frameSize())
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, wavHeader-8+data)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16) // length of the format
	h = binary.LittleEndian.AppendUint16(h, 1)  // PCM
	h = binary.LittleEndian.AppendUint16(h, uint16(w.channels))
	h = binary.LittleEndian.AppendUint32(h, sampleRate)
	h = binary.LittleEndian.AppendUint32(h, uint32(sampleRate*w.frameSize()))
	h = binary.LittleEndian.AppendUint16(h, uint16(w.frameSize()))
	h = binary.LittleEndian.AppendUint16(h, bytesPerSample*8)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, data)
}

// period is one period of the tone, on every channel.
func (w wav) period() []byte {
	p := make([]byte, 0, wavPeriod*w.frameSize())
	for i := range wavPeriod {
		sample := int16(loudness * math.Sin(2*math.Pi*float64(i)/wavPeriod))
		for range w.channels {
			p = binary.LittleEndian.AppendUint16(p, uint16(sample)) // #nosec G115 -- the same bits
		}
	}
	return p
}

// wavReader implements io.ReaderAt.
type wavReader struct {
	header, period []byte
	size           int64
}

// ReadAt implements io.ReaderAt.
func (r *wavReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off >= r.size {
		return 0, io.EOF
	}
	if rest := r.size - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	if off < wavHeader {
		n = copy(p, r.header[off:])
	}
	for n < len(p) {
		at := (off + int64(n) - wavHeader) % int64(len(r.period))
		n += copy(p[n:], r.period[at:])
	}
	return n, err
}
