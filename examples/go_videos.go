// Make videos of an image with Go: `go run go_videos.go URL "it turns its head" 3`. See README.md.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	good      = 1000
	noAnswer  = 0 // nothing came, or nothing of Akool's: nobody knows whether the request did its work
	completed = 3
	failed    = 4
)

var (
	base     = strings.TrimRight(setting("AKOOL_BASE_URL", "http://127.0.0.1:25665"), "/")
	api      = base + "/api/open/v4/image2Video"
	deadline = time.Now().Add(seconds("AKOOL_PATIENCE_S", "300"))
	client   = &http.Client{Timeout: 30 * time.Second}
	later    = map[int]bool{1005: true, 1108: true, 2001: true} // nothing was done and nothing was paid
)

type row struct {
	ID     string `json:"_id"`
	Status int    `json:"status"`
	URL    string `json:"video_url"`
}

// What the answers have in common.
type answer struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data struct {
		Made    []row             `json:"successList"`
		Refused []json.RawMessage `json:"errorList"`
		Rows    []row             `json:"result"`
	} `json:"data"`
}

func setting(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}

func seconds(name, usual string) time.Duration {
	value, err := strconv.ParseFloat(setting(name, usual), 64)
	if err != nil {
		end(2, name+" is no number")
	}
	return time.Duration(value * float64(time.Second))
}

func end(status int, why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(status)
}

func pause() {
	if time.Now().After(deadline) {
		end(1, "it took too long")
	}
	time.Sleep(seconds("AKOOL_PAUSE_S", "3"))
}

// Sends a request, with a body by POST, and returns the status and the whole body.
func send(url string, body []byte) (int, []byte, error) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("x-api-key", setting("AKOOL_API_KEY", "my-key"))
	request.Header.Set("content-type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

// Returns a good answer; what may be paid is not sent again when its answer was lost.
func ask(path string, body any, again bool) answer {
	sent, _ := json.Marshal(body)
	for {
		var found answer
		status, content, err := send(api+"/"+path, sent)
		if err == nil && status != 429 && status != 503 {
			err = json.Unmarshal(content, &found)
		}
		switch {
		case err != nil:
			found = answer{Code: noAnswer, Msg: "no answer, " + err.Error()}
		case status == 429 || status == 503: // nothing was done either
			found.Code = 1005
		}
		if found.Code == good {
			return found
		}
		mayAsk := later[found.Code] || again && (found.Code == noAnswer || found.Code == 1008) // unknown for a moment
		if !mayAsk {
			end(1, fmt.Sprintf("Akool says %d: %s", found.Code, found.Msg))
		}
		pause()
	}
}

// Returns whether the boxes of an MP4 fill it to its end; each begins with its size and its name.
func isWhole(video []byte) bool {
	place := uint64(0)
	for place+8 <= uint64(len(video)) {
		size := uint64(binary.BigEndian.Uint32(video[place:]))
		switch {
		case size == 0: // up to the end
			size = uint64(len(video)) - place
		case size == 1 && place+16 <= uint64(len(video)): // a large box has its size behind its name
			size = binary.BigEndian.Uint64(video[place+8:])
		}
		if size < 8 || size > uint64(len(video))-place {
			return false
		}
		place += size
	}
	return place == uint64(len(video)) && len(video) > 8 && string(video[4:8]) == "ftyp"
}

// Returns a whole video, or nothing when it is gone; asks again for one that is broken.
func fetch(url string) []byte {
	for {
		status, content, err := send(url, nil)
		if status == 403 || status == 404 {
			fmt.Fprintf(os.Stderr, "a video is gone: HTTP %d\n", status)
			return nil
		}
		if err == nil && isWhole(content) {
			return content
		}
		pause()
	}
}

func main() {
	if len(os.Args) != 4 {
		end(2, `usage: go run go_videos.go URL "it turns its head" 3`)
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		end(2, "the last argument is how many videos you want")
	}
	video := map[string]any{
		"image_url": os.Args[1], "prompt": os.Args[2], "resolution": "720p", "video_length": 5, "count": count,
	}
	batch := ask("createBySourcePrompt/batch", video, false).Data
	missing := len(batch.Refused) // these were never made, although the code is 1000
	names := map[string]string{}
	waiting := []string{}
	for number, made := range batch.Made {
		names[made.ID] = fmt.Sprintf("video-%d.mp4", number+1)
		waiting = append(waiting, made.ID)
	}
	for len(waiting) > 0 {
		pause()
		ended := map[string]bool{}
		// The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
		for _, row := range ask("resultsByIds", map[string]string{"_ids": strings.Join(waiting, ",")}, true).Data.Rows {
			isDone := row.Status == completed && row.URL != ""
			if !isDone && row.Status != failed {
				continue
			}
			ended[row.ID] = true
			var content []byte // nobody says why a video failed
			if isDone {
				content = fetch(row.URL)
			}
			if content == nil {
				missing++
				continue
			}
			if err := os.WriteFile(names[row.ID], content, 0o644); err != nil {
				end(1, err.Error())
			}
			fmt.Println(names[row.ID])
		}
		left := []string{}
		for _, id := range waiting {
			if !ended[id] {
				left = append(left, id)
			}
		}
		waiting = left
	}
	if missing > 0 {
		end(1, fmt.Sprintf("%d of %d videos are missing", missing, count))
	}
}
