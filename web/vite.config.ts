import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds the real server (`maquette studio --no-browser`). */
const server = process.env.MAQUETTE_SERVER ?? 'http://127.0.0.1:8777'

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: process.env.MAQUETTE_STATIC ?? '../src/maquette/server/static',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy wants files, not data: URLs
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { proxy: { '/api': server, '/healthz': server } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
