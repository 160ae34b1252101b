export * from './core/core';
export * from './core/types';
export { keyOf } from './core/segment';
export { CACHE_BYTES } from './core/state';
export { rankOf } from './core/taking';
