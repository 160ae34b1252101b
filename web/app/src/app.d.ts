declare global {
	namespace App {
		interface Error {
			message: string;
			/** Key of the page to show, for errors that need more than a sentence. */
			kind?: 'not-found' | 'unreachable' | 'forbidden' | 'broken';
		}
	}
}

export {};
