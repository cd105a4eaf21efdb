package access

import (
	"bytes"
	"fmt"
)

// PolicyFile is a policy that is read again when it changes.
type PolicyFile struct {
	file    string
	content []byte
	use     func(*Policy) error
}

// OpenPolicy reads file and gives the policy to use, now and whenever it is
// reloaded. use may refuse it.
func OpenPolicy(file string, use func(*Policy) error) (*PolicyFile, error) {
	p := &PolicyFile{file: file, use: use}
	_, err := p.Reload()
	return p, err
}

// Reload reads the file again, and says whether it has changed. After an error,
// the policy before stays in use. It is for one goroutine at a time.
func (p *PolicyFile) Reload() (changed bool, err error) {
	content, err := readFile(p.file)
	if err != nil {
		return false, err
	}
	if p.content != nil && bytes.Equal(content, p.content) {
		return false, nil
	}
	policy, err := ParsePolicy(content)
	if err == nil {
		err = p.use(policy)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.file, err)
	}
	p.content = content
	return true, nil
}
