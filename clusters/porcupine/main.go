// Judges histories of registers by porcupine, as the peer of `seatrial bench judges`.
//
// Each line of standard input is one history as seatrial's checks/consistency/export.py writes it;
// for each a line {"verdict", "seconds"} comes out. The argument is the limit of one, in seconds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	read    = 0
	nothing = -1 << 63
)

type history struct {
	Process, Kind, Key, Value, Call, Return []int64
}

type input struct{ kind, key, value int64 }

func operations(told history) []porcupine.Operation {
	found := make([]porcupine.Operation, len(told.Kind))
	for i := range found {
		found[i] = porcupine.Operation{
			Input:  input{told.Kind[i], told.Key[i], told.Value[i]},
			Output: told.Value[i],
			Call:   told.Call[i],
			Return: told.Return[i],
		}
	}
	return found
}

func byKey(told []porcupine.Operation) [][]porcupine.Operation {
	parts := map[int64][]porcupine.Operation{}
	for _, one := range told {
		key := one.Input.(input).key
		parts[key] = append(parts[key], one)
	}
	found := make([][]porcupine.Operation, 0, len(parts))
	for _, part := range parts {
		found = append(found, part)
	}
	return found
}

var register = porcupine.Model{
	Partition: byKey,
	Init:      func() interface{} { return int64(nothing) },
	Step: func(state, asked, answer interface{}) (bool, interface{}) {
		if one := asked.(input); one.kind != read {
			return true, one.value
		}
		return answer == state, state
	},
}

func judged(told history, limit time.Duration) string {
	all := operations(told)
	began := time.Now()
	verdict := porcupine.CheckOperationsTimeout(register, all, limit)
	return fmt.Sprintf(`{"verdict": %q, "seconds": %f}`, verdict, time.Since(began).Seconds())
}

func main() {
	limit, err := strconv.ParseFloat(os.Args[1], 64)
	lines := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	for err == nil {
		var told history
		if err = lines.Decode(&told); err == nil {
			fmt.Println(judged(told, time.Duration(limit*float64(time.Second))))
		}
	}
	if err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
