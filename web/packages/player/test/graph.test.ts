import { expect, it } from 'vitest';
import { TrafficHistory } from '../src/element/graph';

it('keeps the traffic of each of the last sixty seconds', () => {
	const history = new TrafficHistory();
	for (let quarter = 0; quarter <= 4 * 90; quarter++) {
		const seconds = quarter / 4;
		history.add(1_000 + quarter * 250, { http_bytes: 1_000 + seconds * 100, p2p_bytes: seconds * 900, p2p_upload_bytes: seconds > 80 ? (seconds - 80) * 50 : 0 });
	}
	expect(history.samples).toHaveLength(60);
	expect(history.samples[0]).toEqual({ http: 100, p2p: 900, upload: 0 });
	expect(history.samples.at(-1)).toEqual({ http: 100, p2p: 900, upload: 50 });
});

it('takes counters that were set back for silence, not for something negative', () => {
	const history = new TrafficHistory();
	history.add(0, { http_bytes: 500, p2p_bytes: 0, p2p_upload_bytes: 0 });
	history.add(2_000, { http_bytes: 100, p2p_bytes: 200, p2p_upload_bytes: 0 });
	expect(history.samples).toEqual([{ http: 0, p2p: 100, upload: 0 }]);
});
