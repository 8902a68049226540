import sys,os,json,torch
sys.path[:0]=[os.path.dirname(os.path.abspath(__file__)),os.environ['CONFORMANCE_GENERATE']]
import witness,export_decoders as exp,probe
from torch import nn
NORM=__import__('re').compile('Norm')
def blocks(model):
    """the modules of the longest numbered list, by path"""
    ls=[(p,m) for p,m in model.named_modules() if isinstance(m,nn.ModuleList)]
    return [(p,m) for p,m in ls if len(m)==2 and p.count('.')<=3]
def standard(model,r,clean):
    S={}
    bl=[p for p,m in model.named_modules() if isinstance(m,nn.ModuleList) and len(m)==2 and not __import__('re').search(r'\d',p)]
    if not bl: return S
    b=bl[0]
    for l in range(2):
        pre=r.reads[(f'{b}.{l}',0,'input',None)]
        post=r.reads.get((f'{b}.{l}',0,'output',None),r.reads.get((f'{b}.{l}',0,'output',0)))
        S[f'layers.{l}#resid_pre']=pre; S[f'layers.{l}#resid_post']=post
        if len(r.softmax)>=2 and len(r.softmax)%2==0:
            x,y=r.softmax[l]
            S[f'layers.{l}#scores']=x; S[f'layers.{l}#pattern']=y
        if len(r.attn)==2:
            q,k,v=r.attn[l]
            S[f'layers.{l}#q']=q;S[f'layers.{l}#k']=k;S[f'layers.{l}#v']=v
        o={}
        for (p,c,port,i),t in r.reads.items():
            if p.startswith(f'{b}.{l}.'): o[(p[len(f'{b}.{l}.'):],port,i)]=t
        get=lambda *ns:next((o[n] for n in ns if n in o),None)
        op=[n for n,_,_ in o if n.split('.')[-1] in('o_proj','out_proj','dense','c_proj','out_proj') and ('att' in n or 'temporal' in n)]
        if op:
            z=o[(op[0],'input',None)]
            if r.softmax and z.dim()==3:
                H=r.softmax[l][0].shape[1] if len(r.softmax)>=2 else 4
                S[f'layers.{l}#z']=z.view(*z.shape[:2],H,-1)
        dn=[n for n,_,_ in o if n.split('.')[-1] in('down_proj','fc2','dense_4h_to_h','fc_out','c_proj') and 'att' not in n and 'expert' not in n]
        if len(set(dn))==1:
            S[f'layers.{l}#mlp_post']=o[(dn[0],'input',None)]
            up=[n for n,_,_ in o if n.split('.')[-1] in('gate_proj',)] or [n for n,_,_ in o if n.split('.')[-1] in('up_proj','fc1','dense_h_to_4h','fc_in','c_fc') and 'att' not in n]
            if len(set(up))==1: S[f'layers.{l}#mlp_pre']=o[(up[0],'output',None)]
        for nm,cs in (('q_pre',('q_proj','query')),('k_pre',('k_proj',))):
            ns=[n for n,p,_ in o if n.split('.')[-1] in cs and p=='output']
            if len(set(ns))==1:
                t=o[(ns[0],'output',None)]
                if r.attn: 
                    d=r.attn[l][0].shape[-1]; S[f'layers.{l}#{nm}']=t.view(*t.shape[:2],-1,d)
        # sums
        mid=get(('post_attention_layernorm','input',None),('pre_feedforward_layernorm','input',None),('ln_2','input',None),('final_layer_norm','input',None),('norm_2','input',None))
        name=model.__class__.__name__
        if 'pre_feedforward_layernorm' in {k[0] for k in o}: mid=o[('pre_feedforward_layernorm','input',None)]
        S[f'?{l}']=None
        del S[f'?{l}']
        if exp_par.get(name): 
            pass
        elif mid is not None and mid.dim()==3 and name not in('Olmo2ForCausalLM','OPTForCausalLM'):
            S[f'layers.{l}#resid_mid']=mid; S[f'layers.{l}#attn_out']=mid-pre; S[f'layers.{l}#mlp_out']=post-mid
    return S
exp_par={'PhiForCausalLM':1,'CohereForCausalLM':1,'FalconForCausalLM':1,'GPTJForCausalLM':1,'CodeGenForCausalLM':1}
if __name__=='__main__':
    for n in (sys.argv[1].split(',') if len(sys.argv)>1 else os.listdir('out')):
        out=f'out/{n}'
        if n not in probe.M or not os.path.exists(out+'/files.json'): continue
        f=json.load(open(out+'/files.json'))
        a=exp.arch_of(n); m=a.build('eager')
        ids=torch.randint(2,97,(2,7),generator=torch.Generator().manual_seed(3))
        d={'input_ids':ids,'attention_mask':torch.ones(2,7,dtype=torch.long),'position_ids':torch.arange(7)[None].repeat(2,1)}
        if not a.positions: d.pop('position_ids')
        if not a.mask: d.pop('attention_mask')
        files={k:{x:y for x,y in v.items() if x not in('ops','nodes','bytes','ir_version')} for k,v in f['files'].items()}
        for v in files.values(): v['lacks']=['identity_modules']
        try:
            _,_,c=witness.build(n,m,d,files,out,standard=standard,failed=f['failed_exports'],lim_edit=lambda p:not __import__('re').search(r'\.0(\.|$)',p))
            print(n,c,flush=True)
        except Exception as e:
            import traceback; traceback.print_exc(); print('FAIL',n,e,flush=True)
