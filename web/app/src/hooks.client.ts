import { begin } from '$lib/early';

begin(location.pathname);
